"""Give J of the union by columns of the metadata and by confidence, of all models' saliency methods."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_confidence
from dermalign.data.metadata import read_metadata
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.groupings import grouping_statistics
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other
from dermalign.study.group_settings import CONFIDENCE

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, groupings = snakemake.input, snakemake.params.groupings
    columns = list(dict.fromkeys(each["column"] for each in groupings.values() if each["column"] != CONFIDENCE))
    metadata = {}  # of the one table that there is, if there is any
    for table in given.lesions:
        metadata = read_metadata(table, columns)
    lesions = read_units(given.lesions, snakemake.params.resampled_by)
    confidence = {Path(path).parent.name: read_confidence(path) for path in given.predictions}
    found = [
        grouping_statistics(
            *(model, method, shards["union"], groupings, metadata, confidence[model], lesions, snakemake.params.seed)
        )
        for (model, method), shards in read_sources(given.shards)
    ]
    write_text(snakemake.output[0], below_each_other(found).to_csv(index=False))
