"""Train the segmentation network of one fold."""

from dermalign.classifiers.backend import limit_threads
from dermalign.logs import job_log
from dermalign.segmentation.folds import part_of_fold, read_folds

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    # Imported here: TensorFlow's remarks as it is loaded go to the log.
    from dermalign.segmentation.training import train_fold

    given = snakemake.input
    limit_threads(snakemake.threads)
    train_fold(
        {**snakemake.params.settings, "weights": next(iter(given.weights), "none")},
        part_of_fold(read_folds(given.folds), int(snakemake.wildcards.fold)),
        given.pictures,
        given.targets,
        snakemake.params.seed,
        model_path=snakemake.output.model,
        history_path=snakemake.output.history,
        classifier=next(iter(given.classifier), None),
        library=snakemake.params.code,
    )
