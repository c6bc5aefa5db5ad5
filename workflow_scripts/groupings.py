"""Give J of the union by columns of the metadata and by confidence, of all models' saliency methods."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_confidence
from dermalign.data.metadata import read_metadata
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.group_tests import put_together
from dermalign.results.groupings import grouping_statistics
from dermalign.results.source_shards import read_sources
from dermalign.study.group_settings import CONFIDENCE

with job_log(snakemake.log[0]):
    given, groupings = snakemake.input, snakemake.params.groupings
    columns = list(dict.fromkeys(each["column"] for each in groupings.values() if each["column"] != CONFIDENCE))
    metadata = {image: row for table in given.lesions for image, row in read_metadata(table, columns).items()}
    lesions = read_units(given.lesions, snakemake.params.resampled_by)
    confidence = {Path(path).parent.name: read_confidence(path) for path in given.predictions}
    found = [
        grouping_statistics(
            *(model, method, shards["union"], groupings, metadata, confidence[model], lesions, snakemake.params.seed)
        )
        for (model, method), shards in read_sources(given.shards)
    ]
    write_text(snakemake.output[0], put_together(found).to_csv(index=False))
