"""Compare groups of pictures by J: Mann-Whitney tests with effect sizes and adjusted p, and others, if asked for."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions
from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.group_tests import source_group_tests, with_family
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    evaluation = read_evaluation(given.evaluation)
    predicted = {Path(path).parent.name: read_evaluation_predictions(path) for path in given.predictions}
    lesions = read_units(given.lesions, params.resampled_by)
    found = [
        source_group_tests(
            *(model, method, shards, evaluation, predicted[model], params.groups, lesions, params.seed, params.tests)
        )
        for (model, method), shards in read_sources(given.shards)
    ]
    tests = below_each_other([of_source.mann_whitney for of_source in found])
    tables = {
        "mann_whitney": with_family(
            tests, **{**params.family, "pairs": [tuple(pair) for pair in params.family["pairs"]]}
        ),
        "group_tests": below_each_other([of_source.group_tests for of_source in found]),
    }
    for path in snakemake.output:
        write_text(path, tables[Path(path).stem].to_csv(index=False))
