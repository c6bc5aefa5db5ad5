"""Choose the picture that figures 1, 2, 4 and 5 show."""

from pathlib import Path

from dermalign.logs import job_log
from dermalign.overlap.shards import read_shards
from dermalign.results.example import choose_example, write_example

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    union = read_shards({Path(path).stem: path for path in snakemake.input})
    image, reason = choose_example(union, snakemake.params.wanted)
    log.info("%s: %s", image, reason)
    write_example(snakemake.output[0], image, reason)
