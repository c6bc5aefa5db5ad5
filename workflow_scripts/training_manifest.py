"""Decide which pictures of the training archive train, validate and test."""

from dermalign.data.archives import list_pictures
from dermalign.data.images import picture_sizes
from dermalign.data.labels import read_training_labels
from dermalign.data.leakage import copies_of
from dermalign.data.lesions import lesion_account, read_lesions
from dermalign.data.manifests import write_training
from dermalign.data.perceptual_hash import read_hashes
from dermalign.data.training_manifest import training_account, training_manifest
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    set_aside = snakemake.params.set_aside
    pictures = list_pictures(snakemake.input.pictures)
    copies = (
        copies_of(
            snakemake.params.content["images"],
            read_hashes(snakemake.input.training_hashes[0]),
            read_hashes(snakemake.input.evaluation_hashes[0]),
            snakemake.params.content["distance"],
        )
        if snakemake.params.content
        else ()
    )
    metadata = snakemake.input.metadata
    labels = read_training_labels(snakemake.input.labels, snakemake.params.classes, metadata)
    table = training_manifest(
        picture_sizes(
            snakemake.input.pictures, {image: pictures[image] for image in pictures if image not in set_aside}
        ),
        {image: label for image, label in labels.items() if label in snakemake.params.classes},
        read_lesions(metadata[0]) if metadata else {},
        snakemake.params.evaluation_images,
        leakage=snakemake.params.leakage,
        validation=snakemake.params.split["validation"],
        test=snakemake.params.split["test"],
        seed=snakemake.params.seed,
        limit=snakemake.params.limit,
        copies=copies,
        set_aside=set_aside,
    )
    lines = training_account(table, labels, snakemake.params.leakage, snakemake.params.classes)
    for line in lines + (lesion_account(metadata[0]) if metadata else []):
        log.info(line)
        print(f"training manifest: {line}\n", end="")
    write_training(snakemake.output[0], table)
