"""Write the table that the rule is named after: rule table3 calls dermalign.tables.table3."""

from pathlib import Path

from dermalign import tables
from dermalign.logs import job_log
from dermalign.manifests import read_evaluation
from dermalign.statistics import read_statistics

with job_log(snakemake.log[0]):
    inputs = {
        Path(path).stem: read_evaluation(path) if path.endswith("evaluation.csv") else read_statistics(path)
        for path in snakemake.input
    }
    table = getattr(tables, snakemake.rule)(**inputs, **snakemake.params.arguments)
    tables.write_table(table, snakemake.params.caption, snakemake.output.csv, snakemake.output.md)
