"""Draw mean J against the threshold."""

from dermalign.logs import job_log
from dermalign.results.figures import jaccard_by_threshold
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0]):
    jaccard_by_threshold(
        read_statistics(snakemake.input[0]),
        snakemake.params.features,
        snakemake.params.chance_methods,
        list(snakemake.output),
    )
