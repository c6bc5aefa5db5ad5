"""Compute the exact best thresholds and mean curves of one map source from its step functions."""

from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.exact import exact_statistics

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    statistics = exact_statistics(
        snakemake.wildcards.model,
        snakemake.wildcards.method,
        snakemake.input[0],
        is_constant=snakemake.params.is_constant,
    )
    for name in ("thresholds", "pictures", "curves"):
        write_text(snakemake.output[name], getattr(statistics, name).to_csv(index=False))
