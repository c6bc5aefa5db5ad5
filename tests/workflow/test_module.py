"""The workflow as a module of another workflow."""

import subprocess
import sys
from pathlib import Path

from .conftest import REPOSITORY

IMPORTING = """
module dermalign:
    snakefile: "{repository}/Snakefile"
    config: {{"study": "other", "thresholds": [0.25], "chance": {{"methods": ["shuffled"]}}}}


use rule * from dermalign as overlap_*


rule mine:
    default_target: True
    input:
        "results/other/tables/table3.csv",
    output:
        "mine.txt",
    shell:
        "head -1 {{input}} > {{output}}"
"""


def test_another_workflow_uses_the_rules_with_what_differs_as_its_config(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(IMPORTING.format(repository=REPOSITORY), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert "rule overlap_table3:" in run.stdout and "rule mine:" in run.stdout
    assert "results/other/jaccard/plain/gradcam/union/0.250.csv" in run.stdout
    assert "center_gaussian" not in run.stdout
