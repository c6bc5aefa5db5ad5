"""Have a brought classifier classify the pictures that are held out from training here."""

from dermalign.classifiers.backend import limit_threads
from dermalign.classifiers.classification import classify_held_out
from dermalign.classifiers.classifier import load_classifier
from dermalign.classifiers.tables import write_predictions_table
from dermalign.data.manifests import read_training
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    limit_threads(snakemake.threads)
    predictions = classify_held_out(
        load_classifier(snakemake.input.classifier),
        snakemake.params.classes,
        read_training(snakemake.input.manifest),
        snakemake.input.pictures,
        snakemake.params.batch_size,
        snakemake.params.logits,
    )
    write_predictions_table(snakemake.output[0], predictions)
