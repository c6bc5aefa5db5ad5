"""Join the maps of a source with the mask cells of the pictures in the analysis."""

from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.overlap.join import write_curves

with job_log(snakemake.log[0]):
    evaluation = read_evaluation(snakemake.input.evaluation)
    included = evaluation.loc[evaluation["included"], "image"].tolist()
    write_curves(snakemake.output[0], snakemake.input.maps, snakemake.input.cells, included)
