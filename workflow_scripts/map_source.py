"""Make the maps of a source by the function that the registry names: a store per picture, or all in one file."""

from pathlib import Path

from dermalign.data.manifests import read_evaluation
from dermalign.files import file_sha256
from dermalign.logs import job_log
from dermalign.saliency.calling import blocks_of
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps
from dermalign.saliency.stores import write_stores

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    stores = {Path(path).stem: path for path in snakemake.output.get("stores", [])}
    images = list(stores)
    if given.get("evaluation"):
        evaluation = read_evaluation(given.evaluation)
        images = evaluation.loc[evaluation["included"], "image"].tolist()
    inputs = Inputs(
        images=images,
        **{key: given.get(key) or None for key in ("classifier", "pictures", "maps", "lesion_masks")},
        cells=list(given.get("cells", [])),
        lesions=list(given.get("lesions", [])),
        threads=snakemake.threads,
        **params.inputs,
    )
    blocks = blocks_of(params.compute, params.called_by, inputs, params.options)
    if stores:
        sha256 = file_sha256(given.classifier) if inputs.classifier else ""
        write_stores(stores, blocks, model=params.model, method=params.method, classifier_sha256=sha256)
    else:
        write_maps(snakemake.output[0], blocks, {"compute": params.compute, **params.options})
