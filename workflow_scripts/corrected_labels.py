"""Write the labels that readers corrected or confirmed, and the pictures on which they do not agree."""

from pathlib import Path

from dermalign.data.reader_files import read_reader_table
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.corrected_labels import corrected_labels

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    labels = {Path(path).parent.name: read_reader_table(path) for path in snakemake.input}
    tables = corrected_labels(labels, snakemake.params.classes)
    for path, table in zip((snakemake.output.labels, snakemake.output.left_out), tables, strict=True):
        write_text(path, table.to_csv(index=False))
