"""Write which classifiers the readers saw, and warn of those that have changed since."""

from pathlib import Path

from dermalign.data.reader_files import read_reader_table
from dermalign.files import file_sha256, write_text
from dermalign.logs import job_log
from dermalign.results.readers import classifiers_seen

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    given = snakemake.input
    tables = {}
    for path in map(Path, [*given.labels, *given.ratings]):
        tables.setdefault(path.parent.name, []).append(read_reader_table(path))
    classifiers = {Path(path).parent.name: file_sha256(path) for path in given.classifiers}
    seen = classifiers_seen(tables, classifiers)
    for row in seen[seen["changed"]].itertuples():
        log.warning("%s saw another classifier %s on %d pictures", row.reader, row.model, row.pictures)
    write_text(snakemake.output[0], seen.to_csv(index=False))
