"""Compare a model's maps with its controls, from the shards of both and the controls' step functions."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions
from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.curves import open_curves
from dermalign.overlap.equal_area import equal_area_jaccard
from dermalign.results.controls import Control, control_statistics
from dermalign.results.source_shards import read_sources

with job_log(snakemake.log[0], snakemake.input, snakemake.output), ExitStack() as stack:
    given, params = snakemake.input, snakemake.params
    shards = {"/".join(source): of_source for source, of_source in read_sources(given.shards)}
    curves = {"/".join(Path(path).with_suffix("").parts[-2:]): path for path in given.curves}
    controls = [
        Control(
            control["method"],
            control["kind"],
            control["is_constant"],
            shards[control["path"]],
            partial(equal_area_jaccard, stack.enter_context(open_curves(curves[control["path"]]))),
        )
        for control in params.controls
    ]
    table = control_statistics(
        params.model,
        {method: shards[f"{params.model}/{method}"] for method in params.methods},
        controls,
        read_evaluation(given.evaluation),
        read_evaluation_predictions(given.predictions[0]) if given.predictions else None,
        params.groups,
        read_units(given.lesions, params.resampled_by),
        params.seed,
    )
    write_text(snakemake.output[0], table.to_csv(index=False))
