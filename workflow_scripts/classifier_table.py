"""Put the held-out metrics of all classifiers into one table."""

from dermalign.classifiers.tables import read_metrics
from dermalign.logs import job_log
from dermalign.results.tables import classifiers, write_table

with job_log(snakemake.log[0]):
    metrics = {model: read_metrics(path) for model, path in zip(snakemake.params.models, snakemake.input, strict=True)}
    table = classifiers(metrics, snakemake.params.classes)
    write_table(table, snakemake.params.caption, snakemake.output.csv, snakemake.output.md)
