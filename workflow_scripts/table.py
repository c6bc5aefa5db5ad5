"""Write the table that the rule is named after: rule table3 calls dermalign.tables.table3."""

from pathlib import Path

from dermalign.data.leakage import leakage_sentence, read_summary
from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.results import tables
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0]):
    inputs = {
        Path(path).stem: read_evaluation(path) if path.endswith("evaluation.csv") else read_statistics(path)
        for path in snakemake.input
        if path not in snakemake.input.leakage
    }
    table = getattr(tables, snakemake.rule)(**inputs, **snakemake.params.arguments)
    counts = [leakage_sentence(read_summary(path)) for path in snakemake.input.leakage]
    tables.write_table(table, " ".join([snakemake.params.caption, *counts]), snakemake.output.csv, snakemake.output.md)
