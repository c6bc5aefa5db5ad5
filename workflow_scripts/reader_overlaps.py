"""Compare the masks of readers with each other and with the study's, pixel by pixel."""

from dermalign.data.manifests import read_evaluation
from dermalign.data.mask_files import list_masks
from dermalign.logs import job_log
from dermalign.overlap.reader_overlaps import mask_overlaps, write_overlaps

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    images = read_evaluation(given.evaluation)["image"].tolist()
    of_study = list_masks(given.masks, images, params.features, **params.mask_options)
    readers = dict(zip(params.readers, given.readers, strict=True))
    write_overlaps(snakemake.output[0], mask_overlaps(readers, given.masks, of_study, params.features))
