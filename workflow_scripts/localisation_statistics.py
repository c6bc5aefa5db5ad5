"""Put the localisation measures of all map sources together: means over pictures, and their intervals."""

from pathlib import Path

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.localisation import read_localisation
from dermalign.results.localisation import localisation_statistics
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    lesions = read_units(snakemake.input.lesions, snakemake.params.resampled_by)
    tables = []
    for path in map(Path, snakemake.input.measured):
        of_source = localisation_statistics(
            read_localisation(path), snakemake.params.features, lesions, snakemake.params.seed
        )
        of_source.insert(0, "model", path.parent.name)
        of_source.insert(1, "method", path.stem)
        tables.append(of_source)
    write_text(snakemake.output[0], below_each_other(tables).to_csv(index=False))
