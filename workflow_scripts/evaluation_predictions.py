"""Write what a model predicts for the evaluation pictures, as the stores of its maps have it."""

from dermalign.logs import job_log
from dermalign.saliency.maps import write_predictions

with job_log(snakemake.log[0]):
    write_predictions(snakemake.output[0], snakemake.input[0])
