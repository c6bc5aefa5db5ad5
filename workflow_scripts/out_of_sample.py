"""Choose thresholds on some lesions and report J on the others, for each model's saliency methods."""

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.group_tests import put_together
from dermalign.results.out_of_sample import out_of_sample_statistics
from dermalign.results.source_shards import read_sources

with job_log(snakemake.log[0]):
    params = snakemake.params
    lesions = read_units(snakemake.input.lesions, snakemake.params.resampled_by)
    found = [
        out_of_sample_statistics(model, method, shards, lesions, params.seed, **params.validation)
        for (model, method), shards in read_sources(snakemake.input.shards)
    ]
    write_text(snakemake.output[0], put_together(found).to_csv(index=False))
