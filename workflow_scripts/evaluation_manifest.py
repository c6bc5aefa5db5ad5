"""Decide which pictures with masks are evaluated."""

from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import read_counts, reading_account
from dermalign.data.evaluation_manifest import evaluation_account, evaluation_manifest
from dermalign.data.labels import read_diagnoses
from dermalign.data.manifests import write_evaluation
from dermalign.data.mask_files import mask_account
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    diagnoses = read_diagnoses(snakemake.input.diagnoses, snakemake.params.classes)
    counts = read_counts(snakemake.input.cells)
    table = evaluation_manifest(
        counts, diagnoses.by_image, snakemake.params.evaluation_diagnoses, snakemake.params.set_aside
    )
    remarks = reading_account(snakemake.input.cells) + mask_account(
        snakemake.input.masks,
        list_pictures(snakemake.input.pictures),
        set(table["image"]),
        snakemake.params.features,
        snakemake.params.mask_options["pattern"],
    )
    for line in evaluation_account(table, diagnoses.contradictions, snakemake.params.classes, remarks):
        log.info(line)
        print(f"evaluation manifest: {line}\n", end="")
    write_evaluation(snakemake.output[0], table)
