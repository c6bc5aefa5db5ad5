"""Join the maps of a source with the mask cells of the pictures in the analysis."""

from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.overlap.join import write_curves
from dermalign.saliency.maps import images_with_maps

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    evaluation = read_evaluation(snakemake.input.evaluation)
    included = evaluation.loc[evaluation["included"], "image"].tolist()
    if snakemake.params.is_sample:
        included = images_with_maps(snakemake.input.maps, included)
    write_curves(snakemake.output[0], snakemake.input.maps, snakemake.input.cells, included)
