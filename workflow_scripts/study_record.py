"""Write what the study was made from, and the index of its results."""

import os
from datetime import datetime
from pathlib import Path

from dermalign.data.archive_digests import read_digests
from dermalign.data.manifests import read_evaluation, read_training
from dermalign.logs import job_log
from dermalign.results.index import index_page, write_index
from dermalign.results.provenance import study_record, write_record
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0]):
    inputs, results = snakemake.input, Path(snakemake.output.record).parent
    record = study_record(
        snakemake.params.configuration,
        written=datetime.now().astimezone().isoformat(timespec="seconds"),
        backend=os.environ.get("KERAS_BACKEND") or "tensorflow",
        repository=Path(snakemake.scriptdir).parent,
        archives=read_digests(inputs.archives),
        classifiers=dict(zip(snakemake.params.configuration["models"], inputs.classifiers, strict=True)),
        training=read_training(inputs.training[0]) if inputs.training else None,
        evaluation=read_evaluation(inputs.evaluation),
        benchmarks=results / "benchmarks",
    )
    write_record(snakemake.output.record, record)
    best = read_statistics(inputs.best_thresholds)
    page = index_page(results, record, best, snakemake.params.method, more=["README.md"])
    write_index(snakemake.output.index, page)
