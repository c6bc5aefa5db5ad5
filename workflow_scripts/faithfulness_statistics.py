"""Put the areas of faithfulness of all models together: means over pictures, differences to controls, intervals."""

from pathlib import Path

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.faithfulness import faithfulness_statistics
from dermalign.results.statistics import below_each_other
from dermalign.saliency.faithfulness_files import read_faithfulness

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    lesions = read_units(snakemake.input.lesions, snakemake.params.resampled_by)
    tables = [
        faithfulness_statistics(
            read_faithfulness(path),
            path.stem,
            **snakemake.params.sources[path.stem],
            lesions=lesions,
            seed=snakemake.params.seed,
        )
        for path in map(Path, snakemake.input.measured)
    ]
    write_text(snakemake.output[0], below_each_other(tables).to_csv(index=False))
