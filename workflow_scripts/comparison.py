"""Put every published value beside ours."""

from pathlib import Path

from dermalign.classifiers.tables import read_metrics
from dermalign.data.manifests import read_evaluation, read_training
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.shards import read_shards
from dermalign.results.comparison import (
    ComparedModel,
    ComparedStudy,
    comparison,
    difference_sentence,
    general_differences,
    readable_comparison,
)
from dermalign.results.formats import write_table
from dermalign.results.published import read_published
from dermalign.results.statistics import read_statistics


def of_pictures(paths):
    """Return {(model, picture, threshold): J of the union} of the shards."""
    by_model = {}
    for path in map(Path, paths):
        by_model.setdefault(path.parents[2].name, {})[path.stem] = path
    found = {}
    for model, of_model in by_model.items():
        shards = read_shards(of_model)
        for threshold, row in zip(shards.thresholds, shards.jaccard, strict=True):
            found |= {(model, image, threshold): j for image, j in zip(shards.images, row.tolist(), strict=True)}
    return found


with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    inputs, params = snakemake.input, snakemake.params
    published = read_published(inputs.published)
    study = ComparedStudy(
        models={network: model and ComparedModel(**model) for network, model in params.models.items()},
        method=params.method,
        thresholds=params.thresholds,
        diagnoses=params.diagnoses,
        is_drawn=params.is_drawn,
        leakage=params.leakage,
        evaluation=read_evaluation(inputs.evaluation),
        best_thresholds=read_statistics(inputs.best_thresholds),
        correctness=read_statistics(inputs.correctness),
        mann_whitney=read_statistics(inputs.mann_whitney),
        metrics={Path(path).parent.name: read_metrics(path) for path in inputs.metrics},
        trained=int((read_training(inputs.training)["split"] == "train").sum()) if inputs.training else None,
        of_picture=of_pictures(inputs.shards),
    )
    table = comparison(published, study)
    unrounded, *to_read = snakemake.output
    write_text(unrounded, table.to_csv(index=False))
    said = {note for notes in general_differences(published, study).values() for note in notes}
    caption = f"{params.caption} {difference_sentence(published, study)}"
    write_table(readable_comparison(table, published, said), caption, to_read, ["table"])
