"""Decode pictures once, at one input size: those of a manifest, or of a table of folds, but for those left out."""

from dermalign.data.archives import list_pictures
from dermalign.data.manifests import read_training
from dermalign.data.pictures import store_pictures
from dermalign.logs import job_log
from dermalign.terms import EXCLUDED

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    table = read_training(snakemake.input.manifest, set_aside=True)  # left out below; folds have no reasons
    if "split" in table:
        table = table[table["split"] != EXCLUDED]
    members = {image: member.path for image, member in list_pictures(snakemake.input.pictures).items()}
    store_pictures(
        snakemake.input.pictures,
        members,
        table["image"].tolist(),
        int(snakemake.wildcards.input_size),
        snakemake.output[0],
        threads=snakemake.threads,
    )
