"""Draw the exact mean of J with its band."""

from dermalign.logs import job_log
from dermalign.results.figures import mean_curves
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0]):
    mean_curves(
        read_statistics(snakemake.input[0]),
        snakemake.params.features,
        snakemake.params.methods,
        list(snakemake.output),
    )
