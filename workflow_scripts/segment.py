"""Make the maps of a segmentation network's pictures, each by the fold that did not see it: a store per picture."""

from functools import cache
from pathlib import Path

from dermalign.classifiers.backend import limit_threads
from dermalign.files import file_sha256
from dermalign.logs import job_log
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.segmentation import segmentation_blocks
from dermalign.saliency.stores import write_stores
from dermalign.segmentation.folds import read_folds

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    limit_threads(snakemake.threads)
    stores = {Path(path).stem: path for path in snakemake.output}
    inputs = Inputs(
        images=list(stores),
        features=params.features,
        pictures=given.pictures,
        settings={"input_size": params.input_size},
    )
    networks = dict(enumerate(given.networks, start=1))
    sha256 = cache(file_sha256)
    for path, block in segmentation_blocks(inputs, read_folds(given.folds), networks, params.batch_size):
        write_stores(stores, [block], model=params.network, method=params.method, classifier_sha256=sha256(path))
