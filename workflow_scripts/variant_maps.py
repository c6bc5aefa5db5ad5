"""Make a variant of a model's maps: another range, local thresholds or superpixels."""

from dermalign.data.archives import list_pictures
from dermalign.logs import job_log
from dermalign.saliency.variants import VARIANTS

with job_log(snakemake.log[0]):
    options = dict(snakemake.params.options)
    if snakemake.params.kind == "superpixels":
        options["archive"] = snakemake.input.pictures[0]
        options["members"] = {image: member.path for image, member in list_pictures(options["archive"]).items()}
    VARIANTS[snakemake.params.kind](snakemake.input.maps, snakemake.output[0], **options)
