"""Count the masks that segmentation networks learn from, on the grid of their maps."""

from dermalign.data.archives import list_pictures
from dermalign.data.mask_files import list_masks
from dermalign.logs import job_log
from dermalign.overlap.mask_cells import count_archive
from dermalign.segmentation.targets import write_targets
from dermalign.terms import UNION

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    grid = (int(snakemake.wildcards.cells),) * 2
    pictures = list_pictures(given.pictures)
    counted = count_archive(
        given.pictures,
        given.masks,
        {image: pictures[image] for image in params.images},
        list_masks(given.masks, params.images, params.features, **params.mask_options),
        [grid],
    )
    write_targets(snakemake.output[0], counted, len(params.images), grid, [*params.features, UNION])
