"""Count a batch's masks per cell of the saliency grids, describe their shapes, and find the ceilings of grids."""

from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import write_cells
from dermalign.data.mask_files import list_masks
from dermalign.data.mask_shapes import mask_shape, write_shapes
from dermalign.logs import job_log
from dermalign.overlap.ceiling_files import write_ceilings
from dermalign.overlap.ceilings import picture_ceilings
from dermalign.overlap.mask_cells import count_archive

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    output, params = snakemake.output, snakemake.params
    images, features = params.images, params.features
    pictures = list_pictures(snakemake.input.pictures)
    shapes = {}
    with write_ceilings(output.ceilings, params.ceiling_grids, features) as ceilings:

        def look_at(image, masks):
            shapes[image] = {feature: mask_shape(mask) for feature, mask in masks.items()}
            ceilings.append(image, picture_ceilings(masks, params.ceiling_grids))

        counted = count_archive(
            snakemake.input.pictures,
            snakemake.input.masks,
            {image: pictures[image] for image in images},
            list_masks(snakemake.input.masks, images, features, **params.mask_options),
            params.grids,
            [look_at],
        )
        write_cells(output.cells, counted, params.grids, features)
    write_shapes(output.shapes, shapes.items())
