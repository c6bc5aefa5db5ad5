"""Write what the study's archives were: size and SHA-256."""

from dermalign.data.archive_digests import archive_digests, write_digests
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    write_digests(snakemake.output[0], archive_digests(snakemake.params.paths))
