"""Say what the study says to the paper's hypotheses, from the shards of its saliency methods."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions
from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.shards import read_shards
from dermalign.results.hypotheses import Explained, hypotheses
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    paths = {}
    for path in map(Path, given.shards):
        paths.setdefault("/".join(path.parts[-4:-2]), {}).setdefault(path.parts[-2], {})[path.stem] = path
    predicted = {Path(path).parent.name: read_evaluation_predictions(path) for path in given.predictions}
    sources = [
        Explained(
            *source["path"].split("/"),
            tuple(source["grid"]),
            source["is_first"],
            {feature: read_shards(of_feature) for feature, of_feature in paths[source["path"]].items()},
            predicted.get(source["path"].partition("/")[0]),
        )
        for source in params.sources
    ]
    lesions = read_units(given.lesions, params.resampled_by)
    tests = read_statistics(given.mann_whitney)
    table = hypotheses(sources, read_evaluation(given.evaluation), params.diagnoses, lesions, params.seed, tests)
    write_text(snakemake.output[0], table.to_csv(index=False))
