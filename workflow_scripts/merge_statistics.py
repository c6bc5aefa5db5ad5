"""Put the statistics of all map sources below each other, a table for each kind."""

from pathlib import Path

from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.statistics import merge

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    for output in map(Path, snakemake.output):
        parts = [path for path in snakemake.input if Path(path).name == output.name]
        write_text(output, merge(parts).to_csv(index=False))
