"""Say what the study says to the paper's hypotheses, from the shards of its saliency methods."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions
from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.hypotheses import Explained, hypotheses
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    predicted = {Path(path).parent.name: read_evaluation_predictions(path) for path in given.predictions}
    sources = [
        Explained(
            model,
            method,
            tuple(params.grids[f"{model}/{method}"]),
            method == params.first_method,
            params.kinds[f"{model}/{method}"],
            shards,
            predicted.get(model),
        )
        for (model, method), shards in read_sources(given.shards)
    ]
    lesions = read_units(given.lesions, params.resampled_by)
    tests = read_statistics(given.mann_whitney)
    table = hypotheses(sources, read_evaluation(given.evaluation), params.diagnoses, lesions, params.seed, tests)
    write_text(snakemake.output[0], table.to_csv(index=False))
