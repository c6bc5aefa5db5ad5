"""Write a batch of pictures as the explorer shows them, with the outlines of their masks."""

from dermalign.data.cell_files import read_counts
from dermalign.explorer.picture_files import write_pictures
from dermalign.logs import job_log
from dermalign.results.shown_pictures import open_pictures

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    inputs, params = snakemake.input, snakemake.params
    lesions = next(iter(inputs.lesion_masks), None)
    with open_pictures(inputs.pictures, inputs.masks, lesion_masks=lesions, **params.reading) as reader:
        write_pictures(snakemake.output[0], reader, read_counts([inputs.cells]), params.images, params.side)
