"""Deal the pictures with masks to folds, and account for those that are copies of each other."""

from dermalign.data.lesions import read_lesions
from dermalign.data.perceptual_hash import read_hashes
from dermalign.logs import job_log
from dermalign.segmentation.folds import fold_leakage, fold_table, write_folds
from dermalign.segmentation.targets import read_shown

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    given, params = snakemake.input, snakemake.params
    lesions = read_lesions(given.lesions[0]) if given.lesions else {}
    hashes = read_hashes(given.hashes)
    table = fold_table(
        read_shown(given.targets),
        lesions,
        hashes,
        params.distance,
        folds=params.folds,
        validation=params.validation,
        seed=params.seed,
    )
    account, lines = fold_leakage(table, lesions, hashes, params.distance)
    for line in lines:
        log.info(line)
        print(f"{line}\n", end="")
    write_folds(snakemake.output.leakage, account)
    write_folds(snakemake.output.folds, table)
