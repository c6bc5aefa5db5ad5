"""Draw the archives of the embedded study."""

import json
from pathlib import Path

from dermalign.drawing.archives import write_archives
from dermalign.drawing.plan import plan
from dermalign.files import write_text
from dermalign.logs import job_log, progress

with job_log(snakemake.log[0]):
    drawing = snakemake.params.drawing
    pictures = plan(drawing["training_pictures"], drawing["evaluation_pictures"], drawing["seed"])
    write_archives(pictures, Path(snakemake.output.archives[0]).parent, progress=progress)
    write_text(snakemake.output.drawn[0], json.dumps(drawing, indent=1) + "\n")
