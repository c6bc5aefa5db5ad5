"""Write what a model predicts for the evaluation pictures, as its maps say."""

from dermalign.classifiers.evaluation_predictions import write_evaluation_predictions
from dermalign.logs import job_log
from dermalign.saliency.maps import open_maps

with job_log(snakemake.log[0]), open_maps(snakemake.input[0]) as maps:
    write_evaluation_predictions(snakemake.output[0], maps.images, maps.predicted)
