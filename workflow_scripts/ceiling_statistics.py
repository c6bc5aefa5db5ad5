"""Compute the ceilings of all grids, or which share of them the models' maps reach, whichever the rule asks for."""

from pathlib import Path

import pandas as pd
from dermalign.data.grids import named_grid
from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.ceiling_files import read_ceilings
from dermalign.overlap.shards import read_shards
from dermalign.results.ceilings import ceiling_statistics, share_statistics
from dermalign.results.statistics import merge

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    ceilings = read_ceilings(given.ceilings)
    lesions = read_units(given.lesions, params.resampled_by)
    if given.get("shards"):
        paths = {}
        for path in map(Path, given.shards):
            *source, feature = path.parts[-4:-1]
            paths.setdefault(tuple(source), {}).setdefault(feature, {})[path.stem] = path
        tables = [
            share_statistics(
                *source,
                params.grids["/".join(source)],
                {feature: read_shards(of_feature) for feature, of_feature in by_feature.items()},
                ceilings,
                lesions,
                params.seed,
            )
            for source, by_feature in paths.items()
        ]
        table = pd.concat(tables, ignore_index=True)
    else:
        evaluation = read_evaluation(given.evaluation)
        table = ceiling_statistics(
            ceilings,
            evaluation.loc[evaluation["included"], "image"],
            lesions,
            params.seed,
            {named_grid(Path(path).stem): path for path in given.curves},
            merge(given.exact) if given.exact else pd.DataFrame(columns=["method", "feature"]),
        )
    write_text(snakemake.output[0], table.to_csv(index=False))
