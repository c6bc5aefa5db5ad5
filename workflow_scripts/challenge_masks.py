"""Write a map source's thresholded maps as a submission to ISIC 2018 Task 2, with the scores it would get."""

from dermalign.data.manifests import read_evaluation
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.curves import open_curves
from dermalign.results.challenge import challenge_scores, challenge_thresholds, write_challenge_masks
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    evaluation = read_evaluation(snakemake.input.evaluation)
    thresholds = challenge_thresholds(
        read_statistics(snakemake.input.best_thresholds),
        snakemake.wildcards.model,
        snakemake.wildcards.method,
        snakemake.params.features,
    )
    with open_curves(snakemake.input.curves) as curves:
        scores = challenge_scores(curves, evaluation, thresholds)
    write_challenge_masks(snakemake.output.masks, snakemake.input.maps, evaluation, thresholds)
    write_text(snakemake.output.scores, scores.to_csv(index=False))
