"""Write the Jaccard shards of a map source that the outputs name: {feature}/{threshold}.csv."""

from pathlib import Path

from dermalign.logs import job_log
from dermalign.overlap.shards import write_shards

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    shards = {(Path(path).parent.name, Path(path).stem): path for path in snakemake.output}
    write_shards(snakemake.input[0], shards)
