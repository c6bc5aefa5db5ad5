"""Have a brought classifier classify the pictures that are held out from training here."""

from dermalign.classifiers.backend import limit_threads
from dermalign.classifiers.classification import classify_held_out
from dermalign.classifiers.classifier import load_classifier
from dermalign.data.manifests import read_training
from dermalign.files import write_text
from dermalign.logs import job_log

with job_log(snakemake.log[0]):
    limit_threads(snakemake.threads)
    predictions = classify_held_out(
        load_classifier(snakemake.input.classifier),
        snakemake.params.classes,
        read_training(snakemake.input.manifest),
        snakemake.input.pictures,
        snakemake.params.batch_size,
        snakemake.params.logits,
    )
    write_text(snakemake.output[0], predictions.to_csv(index=False, float_format="%.8g"))
