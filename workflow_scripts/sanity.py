"""Compare a model's saliency maps with those of the same model while its weights are randomised."""

from dermalign.logs import job_log
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.sanity import sanity_rows
from dermalign.saliency.sanity_files import write_sanity

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    inputs = Inputs(
        images=params.images,
        classifier=given.classifier,
        pictures=given.pictures,
        threads=snakemake.threads,
        **params.inputs,
    )
    write_sanity(snakemake.output[0], sanity_rows(params.jobs, inputs, params.stages))
