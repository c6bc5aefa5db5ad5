"""Compute which share of the segmentation networks' Jaccard index each source of maps reaches."""

from itertools import chain

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.reference import reference_shares
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    lesions = read_units(given.lesions, params.resampled_by)
    references = dict(read_sources(given.references))
    tables = [
        reference_shares(*source, shards, "/".join(reference), of_reference, lesions, params.seed)
        for source, shards in chain(read_sources(given.shards), references.items())
        for reference, of_reference in references.items()
        if source != reference
    ]
    write_text(snakemake.output[0], below_each_other(tables).to_csv(index=False))
