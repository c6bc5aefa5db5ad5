"""Hash the pictures of an archive by their content."""

from dermalign.data.archives import list_pictures
from dermalign.data.perceptual_hash import hash_archive, write_hashes
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    archive = snakemake.input.pictures
    pictures = list_pictures(archive)
    for image in snakemake.params.set_aside:
        del pictures[image]
    write_hashes(snakemake.output[0], hash_archive(archive, pictures, snakemake.threads))
