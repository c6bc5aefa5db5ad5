"""Compute which share of the segmentation networks' Jaccard index each source of maps reaches."""

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.reference import reference_shares
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    lesions = read_units(given.lesions, params.resampled_by)
    references = {"/".join(name): shards for name, shards in read_sources(given.references)}
    tables = [
        reference_shares(model, method, shards, reference, of_reference, lesions, params.seed)
        for (model, method), shards in read_sources([*given.shards, *given.references])
        for reference, of_reference in references.items()
        if f"{model}/{method}" != reference
    ]
    write_text(snakemake.output[0], below_each_other(tables).to_csv(index=False))
