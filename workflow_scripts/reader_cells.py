"""Count the masks of a reader per cell of the saliency grids, as the study's own are counted."""

from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import write_cells
from dermalign.data.mask_files import list_masks
from dermalign.data.reader_files import masked_images
from dermalign.logs import job_log
from dermalign.overlap.mask_cells import count_archive

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    pictures = list_pictures(given.pictures)
    images = [image for image in masked_images(given.masks, params.features) if image in pictures]
    masks = list_masks(given.masks, images, params.features)
    of_images = {image: pictures[image] for image in images}
    counted = count_archive(given.pictures, given.masks, of_images, masks, params.grids)
    write_cells(snakemake.output[0], counted, params.grids, params.features)
