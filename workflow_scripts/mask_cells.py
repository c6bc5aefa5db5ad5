"""Count the white pixels of a batch's masks per cell of the saliency grids, and describe the masks' shapes."""

from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import write_cells
from dermalign.data.mask_files import list_masks
from dermalign.data.mask_shapes import mask_shape, write_shapes
from dermalign.logs import job_log
from dermalign.overlap.mask_cells import count_archive

with job_log(snakemake.log[0]):
    images, features, grids = snakemake.params.images, snakemake.params.features, snakemake.params.grids
    pictures = list_pictures(snakemake.input.pictures)
    shapes = {}

    def keep_shapes(image, boxes):
        shapes[image] = {feature: mask_shape(box) for feature, box in boxes.items()}

    counted = count_archive(
        snakemake.input.pictures,
        snakemake.input.masks,
        {image: pictures[image] for image in images},
        list_masks(snakemake.input.masks, images, features, **snakemake.params.mask_options),
        grids,
        [keep_shapes],
    )
    write_cells(snakemake.output.cells, counted, grids, features)
    write_shapes(snakemake.output.shapes, shapes.items())
