"""Download one archive and check it."""

from pathlib import Path

from dermalign.data.fetching import fetch
from dermalign.logs import job_log

with job_log(snakemake.log[0]):
    fetch(snakemake.params.url, Path(snakemake.output[0]), snakemake.params.sha256)
