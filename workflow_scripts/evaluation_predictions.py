"""Write what a model predicts for the evaluation pictures, as its saliency stores say."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import write_evaluation_predictions
from dermalign.logs import job_log
from dermalign.saliency.stores import read_store

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    found = []
    for path in sorted(snakemake.input, key=lambda path: Path(path).stem):
        store = read_store(path)
        found.append((store.image, store.predicted_class, store.probabilities.max()))
    write_evaluation_predictions(snakemake.output[0], *zip(*found, strict=True))
