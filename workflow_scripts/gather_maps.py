"""Gather the saliency stores of a map source into one file."""

from dermalign.logs import job_log
from dermalign.saliency.maps import gather_maps

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    gather_maps(snakemake.output[0], list(snakemake.input))
