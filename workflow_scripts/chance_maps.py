"""Make a chance method's maps from a model's."""

from dermalign.logs import job_log
from dermalign.saliency.chance import write_chance_maps

with job_log(snakemake.log[0]):
    write_chance_maps(
        snakemake.output[0],
        snakemake.input[0],
        snakemake.wildcards.method,
        snakemake.params.draws,
        snakemake.params.seed,
    )
