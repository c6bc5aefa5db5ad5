"""Make the maps of a source that asks no classifier, by the function that the registry names."""

from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.saliency.calling import blocks_of
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    images = []
    if given.get("evaluation"):
        evaluation = read_evaluation(given.evaluation)
        images = evaluation.loc[evaluation["included"], "image"].tolist()
    inputs = Inputs(
        images=images,
        **{key: given.get(key) or None for key in ("pictures", "maps", "lesion_masks", "reader_masks")},
        cells=list(given.get("cells", [])),
        lesions=list(given.get("lesions", [])),
        threads=snakemake.threads,
        **params.inputs,
    )
    blocks = blocks_of(params.compute, params.called_by, inputs, params.options)
    write_maps(snakemake.output[0], blocks, {"compute": params.compute, **params.options})
