"""Adopt a classifier that is brought along: its file, with its treatment of pixels before it."""

from dermalign.classifiers.backend import limit_threads
from dermalign.classifiers.brought.adoption import adopt
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    limit_threads(snakemake.threads)
    settings = snakemake.params.settings
    found = adopt(settings, snakemake.output[0])
    log.info("%s: %s, %d x %d cells", settings["classifier"], found.saliency_layer, *found.grid)
    for sentence in found.said:
        print(f"{snakemake.params.model}: {sentence}\n", end="")
