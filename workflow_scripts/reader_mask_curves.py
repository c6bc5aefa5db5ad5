"""Join the maps of a source with the cells of a reader's masks, on the pictures that both have."""

from dermalign.data.cell_files import CellFile
from dermalign.logs import job_log
from dermalign.overlap.join import write_curves
from dermalign.saliency.maps import images_with_maps

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    maps, cells = snakemake.input.maps, snakemake.input.cells
    with CellFile(cells) as file:
        images = images_with_maps(maps, file.images)
    write_curves(snakemake.output[0], maps, [cells], images)
