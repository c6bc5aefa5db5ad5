"""Write the curves of a reader as a source of maps, from the pixels of the masks."""

from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.overlap.reader_overlaps import read_overlaps, write_reader_curves

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    evaluation = read_evaluation(snakemake.input.evaluation)
    included = evaluation.loc[evaluation["included"], "image"].tolist()
    overlaps = read_overlaps(snakemake.input.overlaps)
    write_reader_curves(snakemake.output[0], overlaps, snakemake.wildcards.method, snakemake.params.features, included)
