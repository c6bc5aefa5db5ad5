"""Measure a classifier on the pictures held out from its training."""

import pandas as pd
from dermalign.classifiers.metrics import (
    beside_published,
    classifier_metrics,
    possibly_trained_on,
    warnings_for,
)
from dermalign.classifiers.tables import read_predictions_table, write_metrics
from dermalign.data.manifests import read_training
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    lesions = read_training(snakemake.input.manifest).set_index("image")["lesion_id"]
    metrics = classifier_metrics(
        read_predictions_table(snakemake.input.predictions),
        snakemake.params.classes,
        lesions=lesions.to_dict(),
        seed=snakemake.params.seed,
    )
    if snakemake.params.is_brought:
        metrics = possibly_trained_on(metrics)
    for row in metrics[metrics["class"] == "all"].itertuples():
        interval = "" if pd.isna(row.low) else f" ({row.low:.4g} to {row.high:.4g})"
        log.info("%s: %.4g%s", row.metric, row.value, interval)
        print(f"{snakemake.wildcards.model}: held-out {row.metric} {row.value:.4g}{interval}\n", end="")
    for warning in warnings_for(metrics):
        log.warning(warning)
        print(f"{snakemake.wildcards.model}: WARNING: {warning}\n", end="")
    write_metrics(snakemake.output[0], beside_published(metrics, snakemake.params.published))
