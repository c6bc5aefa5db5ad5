"""Measure where the maps of a source point, picture by picture."""

from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.overlap.localisation import write_localisation

with job_log(snakemake.log[0]):
    evaluation = read_evaluation(snakemake.input.evaluation)
    included = evaluation.loc[evaluation["included"], "image"].tolist()
    write_localisation(snakemake.output[0], snakemake.input.maps, snakemake.input.cells, included)
