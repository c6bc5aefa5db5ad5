"""Gather the saliency stores of a map source into one file."""

from dermalign.logs import job_log
from dermalign.saliency.maps import gather_maps, write_predictions

with job_log(snakemake.log[0]):
    gather_maps(snakemake.output.maps, list(snakemake.input))
    write_predictions(snakemake.output.predictions, snakemake.output.maps)
