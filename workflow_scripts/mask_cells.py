"""Count the white pixels of a batch's masks per cell of the saliency grids."""

from dermalign.data.archives import list_pictures
from dermalign.data.mask_files import list_masks
from dermalign.logs import job_log
from dermalign.overlap.cell_files import write_cells
from dermalign.overlap.mask_cells import count_archive

with job_log(snakemake.log[0]):
    images, features, grids = snakemake.params.images, snakemake.params.features, snakemake.params.grids
    pictures = list_pictures(snakemake.input.pictures)
    counted = count_archive(
        snakemake.input.pictures,
        snakemake.input.masks,
        {image: pictures[image] for image in images},
        list_masks(snakemake.input.masks, images, features, **snakemake.params.mask_options),
        grids,
    )
    write_cells(snakemake.output[0], counted, grids, features)
