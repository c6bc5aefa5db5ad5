"""Train one classifier."""

from dermalign.classifiers.backend import limit_threads
from dermalign.data.manifests import read_training
from dermalign.logs import job_log
from dermalign.terms import EXCLUDED

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    # Imported here: TensorFlow's remarks as it is loaded go to the log.
    from dermalign.classifiers.training import train

    limit_threads(snakemake.threads)
    table = read_training(snakemake.input.manifest)
    train(
        {**snakemake.params.settings, "weights": next(iter(snakemake.input.weights), "none")},
        snakemake.params.classes,
        table[table["split"] != EXCLUDED],
        snakemake.input.pictures,
        snakemake.params.seed,
        model_path=snakemake.output.model,
        history_path=snakemake.output.history,
        predictions_path=snakemake.output.predictions,
        library=snakemake.params.code,
    )
