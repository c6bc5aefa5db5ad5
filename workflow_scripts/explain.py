"""Make the maps of saliency methods that share a pass through a classifier: a store per method and picture."""

from pathlib import Path

from dermalign.files import file_sha256
from dermalign.logs import job_log
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.method_blocks import method_blocks
from dermalign.saliency.stores import write_stores

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    stores = {method: {} for method in params.methods}
    for path in map(Path, snakemake.output):
        stores[path.parent.name][path.stem] = path
    inputs = Inputs(
        images=list(next(iter(stores.values()))),
        classifier=given.classifier,
        pictures=given.pictures,
        threads=snakemake.threads,
        **params.inputs,
    )
    sha256 = file_sha256(given.classifier)
    for method, block in method_blocks(params.methods, params.asked, inputs):
        write_stores(stores[method], [block], model=params.model, method=method, classifier_sha256=sha256)
