"""Account for evaluation pictures that are training pictures, too."""

from dermalign.data.leakage import leakage_account, leakage_lines, leakage_summary, write_account, write_summary
from dermalign.data.lesions import read_lesions
from dermalign.data.manifests import read_evaluation, read_training
from dermalign.data.perceptual_hash import read_hashes
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    evaluation = read_evaluation(snakemake.input.evaluation)
    lesions = read_lesions(snakemake.input.metadata[0]) if snakemake.input.metadata else {}
    account = leakage_account(
        read_training(snakemake.input.training),
        evaluation["image"].tolist(),
        lesions,
        read_hashes(snakemake.input.training_hashes),
        read_hashes(snakemake.input.evaluation_hashes),
        snakemake.params.distance,
    )
    summary = leakage_summary(account, evaluation, lesions)
    for line in leakage_lines(summary, evaluation, snakemake.params.leakage):
        log.info(line)
        print(f"leakage account: {line}\n", end="")
    write_account(snakemake.output.account, account)
    write_summary(snakemake.output.summary, summary)
