"""Score map sources as the ISIC challenge does, at each feature's best threshold, without writing their masks."""

from pathlib import Path

from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.curves import open_curves
from dermalign.results.challenge import challenge_statistics, known_thresholds
from dermalign.results.statistics import below_each_other, read_statistics

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    evaluation, best = read_evaluation(given.evaluation), read_statistics(given.best_thresholds)
    lesions = read_units(given.lesions, params.resampled_by)
    tables = []
    for path in given.curves:
        model, method = Path(path).with_suffix("").parts[-2:]
        thresholds = known_thresholds(best, model, method, params.features)
        with open_curves(path) as curves:
            tables.append(challenge_statistics(model, method, curves, evaluation, thresholds, lesions, params.seed))
    write_text(snakemake.output[0], below_each_other(tables).to_csv(index=False))
