"""Put the held-out metrics of all classifiers into one table."""

import pandas as pd
from dermalign.logs import job_log
from dermalign.results.tables import classifiers, write_table

with job_log(snakemake.log[0]):
    metrics = {
        model: pd.read_csv(path, dtype={"class": str}, keep_default_na=False, na_values=[""])
        for model, path in zip(snakemake.params.models, snakemake.input, strict=True)
    }
    table = classifiers(metrics, snakemake.params.classes)
    write_table(table, snakemake.params.caption, snakemake.output.csv, snakemake.output.md)
