"""Write what the study was made from, and the index of its results."""

import os
from datetime import datetime
from pathlib import Path

from dermalign.classifiers.keras_settings import keras_backend
from dermalign.data.archive_digests import read_digests
from dermalign.data.manifests import read_evaluation, read_training
from dermalign.logs import job_log
from dermalign.results.index import write_index
from dermalign.results.provenance import (
    classifier_record,
    file_record,
    study_record,
    times_of,
    write_record,
)

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    inputs, params, results = snakemake.input, snakemake.params, Path(snakemake.output.record).parent
    record = study_record(
        params.configuration,
        written=datetime.now().astimezone().isoformat(timespec="seconds"),
        backend=keras_backend(os.environ),
        repository=Path(snakemake.scriptdir).parent,
        archives=read_digests(inputs.archives),
        classifiers={
            model: classifier_record(path, results, made_from)
            for model, (path, made_from) in params.classifiers.items()
        },
        networks={
            network: [classifier_record(path, results, made_from) for path in paths]
            for network, (paths, made_from) in params.networks.items()
        },
        published=file_record(inputs.published[0], params.configuration["published"]) if inputs.published else None,
        training=read_training(inputs.training[0]) if inputs.training else None,
        evaluation=read_evaluation(inputs.evaluation),
        times=times_of(results / "benchmarks"),
    )
    write_record(snakemake.output.record, record)
    write_index(results, [*inputs, *params.kept, params.page])
