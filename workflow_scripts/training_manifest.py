"""Decide which pictures of the training archive train, validate and test."""

from dermalign.archives import list_pictures
from dermalign.files import write_text
from dermalign.labels import read_lesions, read_training_labels
from dermalign.logs import job_log
from dermalign.manifests import picture_sizes, training_account, training_manifest
from dermalign.perceptual_hash import alike, read_hashes

with job_log(snakemake.log[0]) as log:
    # For exclude_content alone: the evaluation archive's hashes, then the training archive's.
    hashes = [read_hashes(path) for path in snakemake.input.hashes]
    copies = {image for _, image, _ in alike(*hashes, snakemake.params.distance)} if hashes else ()
    classes = read_training_labels(snakemake.input.labels, snakemake.params.classes)
    table = training_manifest(
        picture_sizes(snakemake.input.pictures, list_pictures(snakemake.input.pictures)),
        classes,
        read_lesions(snakemake.input.metadata[0]) if snakemake.input.metadata else {},
        snakemake.params.evaluation_images,
        leakage=snakemake.params.leakage,
        validation=snakemake.params.split["validation"],
        test=snakemake.params.split["test"],
        seed=snakemake.params.seed,
        limit=snakemake.params.limit,
        copies=copies,
    )
    for line in training_account(table, classes, snakemake.params.leakage):
        log.info(line)
        print(f"training manifest: {line}")
    write_text(snakemake.output[0], table.to_csv(index=False))
