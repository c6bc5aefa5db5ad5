"""Write what a reader marked and judged, of all files of the reader together: masks as an archive, and tables."""

from dermalign.data.feedback import read_feedback
from dermalign.data.reader_files import write_reader_masks, write_reader_tables
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    paths, output = list(snakemake.input.feedback), snakemake.output
    files = [read_feedback(path) for path in paths]
    for path, feedback in zip(paths, files, strict=True):
        log.info("%s: %d pictures by %s", path, len(feedback.pictures), feedback.reader)
    write_reader_tables({name: output[name] for name in ("pictures", "labels", "ratings")}, files)
    write_reader_masks(output.masks, paths, snakemake.params.features)
