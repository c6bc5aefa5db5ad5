"""Compute the ceilings of all grids, or which share of them the models' maps reach, whichever the rule asks for."""

from pathlib import Path

import pandas as pd
from dermalign.data.grids import named_grid
from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.ceiling_files import read_ceilings
from dermalign.results.ceilings import ceiling_statistics, share_statistics
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other, merge

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    ceilings = read_ceilings(given.ceilings)
    lesions = read_units(given.lesions, params.resampled_by)
    if given.get("shards"):
        tables = [
            share_statistics(*source, params.grids["/".join(source)], shards, ceilings, lesions, params.seed)
            for source, shards in read_sources(given.shards)
        ]
        table = below_each_other(tables)
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
