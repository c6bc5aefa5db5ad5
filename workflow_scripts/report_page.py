"""Write the report of a study, one page of HTML."""

from pathlib import Path

from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.report.page import study_page
from dermalign.report.study_results import read_results

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    inputs = {name: paths for name, paths in snakemake.input.items() if name != "captions"}  # found beside the tables
    results = read_results(Path(snakemake.input.record).parent, **inputs)
    write_text(snakemake.output[0], study_page(results))
