"""Decide which pictures with masks are evaluated."""

from dermalign.data.labels import read_diagnoses
from dermalign.data.manifests import evaluation_account, evaluation_manifest
from dermalign.files import write_text
from dermalign.logs import job_log

with job_log(snakemake.log[0]) as log:
    diagnoses = read_diagnoses(snakemake.input.diagnoses, snakemake.params.classes)
    table = evaluation_manifest(snakemake.input.cells, diagnoses.by_image, snakemake.params.evaluation_diagnoses)
    for line in evaluation_account(table, diagnoses.contradictions):
        log.info(line)
        print(f"evaluation manifest: {line}")
    write_text(snakemake.output[0], table.to_csv(index=False))
