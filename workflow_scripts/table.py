"""Write a table: that of the function of dermalign.results.tables which the rule names."""

from pathlib import Path

from dermalign.classifiers.tables import read_metrics
from dermalign.data.leakage import leakage_sentence, read_summary
from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.results import tables
from dermalign.results.captions import sentences
from dermalign.results.formats import write_table
from dermalign.results.statistics import read_statistics

FUNCTIONS = {
    "table1": tables.table1,
    "table2": tables.table2,
    "table3": tables.table3,
    "table4": tables.table4,
    "table5": tables.table5,
    "table6": tables.table6,
    "classifiers": tables.classifiers,
}


# What reads an input, by its name in the rule; all others are statistics.
READERS = {
    "evaluation": read_evaluation,
    "leakage": read_summary,
    "metrics": lambda paths: {Path(path).parent.name: read_metrics(path) for path in paths},
}

with job_log(snakemake.log[0]):
    inputs = {name: READERS.get(name, read_statistics)(paths) for name, paths in snakemake.input.items()}
    said = leakage_sentence(inputs.pop("leakage")) if "leakage" in inputs else ""
    table = FUNCTIONS[snakemake.params.function](**inputs, **snakemake.params.arguments)
    write_table(table, sentences(snakemake.params.caption, said), snakemake.output)
