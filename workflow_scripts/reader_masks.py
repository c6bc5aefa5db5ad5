"""Compute J of the maps with each reader's masks, at every threshold."""

from pathlib import Path

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.readers import reader_mask_statistics
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    lesions = read_units(given.lesions, params.resampled_by)
    curves = {}
    for path in map(Path, given.curves):  # feedback/{reader}/curves/{model}/{method}.h5
        curves.setdefault(path.parents[2].name, {})[path.parent.name, path.stem] = path
    tables = [
        reader_mask_statistics(
            *(Path(cells).parent.name, curves[Path(cells).parent.name], cells, params.features, params.thresholds),
            *(lesions, params.seed, params.resampled_by),
        )
        for cells in given.cells
    ]
    write_text(snakemake.output[0], below_each_other(tables).to_csv(index=False))
