"""Check a paper's published values against each other."""

from dermalign.logs import job_log
from dermalign.results.audit import IMPOSSIBLE, audit, verdict_counts
from dermalign.results.formats import write_table
from dermalign.results.published import read_published

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    table = audit(read_published(snakemake.input[0]))
    for row in table[table["verdict"] == IMPOSSIBLE].itertuples():
        log.info("%s: %s: published %s, recomputed %s", row.verdict, row.check, row.published, row.recomputed)
    print(f"audit of the published values: {verdict_counts(table)}\n", end="")
    write_table(table, snakemake.params.caption, snakemake.output)
