"""Decide which pictures with masks are evaluated."""

from dermalign.data.cell_files import read_counts
from dermalign.data.evaluation_manifest import evaluation_account, evaluation_manifest
from dermalign.data.labels import read_diagnoses
from dermalign.data.manifests import write_evaluation
from dermalign.logs import job_log

with job_log(snakemake.log[0]) as log:
    diagnoses = read_diagnoses(snakemake.input.diagnoses, snakemake.params.classes)
    counts = read_counts(snakemake.input.cells)
    table = evaluation_manifest(counts, diagnoses.by_image, snakemake.params.evaluation_diagnoses)
    for line in evaluation_account(table, diagnoses.contradictions, snakemake.params.classes):
        log.info(line)
        print(f"evaluation manifest: {line}\n", end="")
    write_evaluation(snakemake.output[0], table)
