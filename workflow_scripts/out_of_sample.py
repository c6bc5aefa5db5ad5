"""Compute J of every source at thresholds that other lesions chose, from its shards."""

from pathlib import Path

import pandas as pd
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.shards import read_shards
from dermalign.results.out_of_sample import out_of_sample

with job_log(snakemake.log[0]):
    params = snakemake.params
    paths = {}
    for path in map(Path, snakemake.input.shards):
        paths.setdefault(path.parts[-4:-2], {}).setdefault(path.parts[-2], {})[path.stem] = path
    lesions = read_units(snakemake.input.lesions, params.resampled_by)
    tables = [
        out_of_sample(
            *source,
            {feature: read_shards(of_feature) for feature, of_feature in by_feature.items()},
            *(lesions, params.folds, params.repeats, params.seed),
        )
        for source, by_feature in paths.items()
    ]
    write_text(snakemake.output[0], pd.concat(tables).to_csv(index=False))
