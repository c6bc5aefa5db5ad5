"""Decode the training pictures once, at one input size."""

from dermalign.data.archives import list_pictures
from dermalign.data.manifests import read_training
from dermalign.data.pictures import store_pictures
from dermalign.logs import job_log
from dermalign.terms import EXCLUDED

with job_log(snakemake.log[0]):
    table = read_training(snakemake.input.manifest)
    images = table.loc[table["split"] != EXCLUDED, "image"].tolist()
    members = {image: member.path for image, member in list_pictures(snakemake.input.pictures).items()}
    store_pictures(
        snakemake.input.pictures,
        members,
        images,
        int(snakemake.wildcards.input_size),
        snakemake.output[0],
        threads=snakemake.threads,
    )
