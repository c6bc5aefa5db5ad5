"""Put the shapes of all pictures' masks into one table."""

from dermalign.data.mask_shapes import read_shapes
from dermalign.files import write_text
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    write_text(snakemake.output[0], read_shapes(snakemake.input).to_csv(index=False))
