"""The workflow as a module of another workflow, as docs/library.md has it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "library.md").read_text(encoding="utf-8")
(IMPORTING,) = re.findall(r"```snakemake\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_another_workflow_uses_the_rules_with_what_differs_as_its_config(tmp_path: Path) -> None:
    assert 'snakefile: "dermalign/Snakefile"' in IMPORTING
    (tmp_path / "dermalign").symlink_to(REPOSITORY)
    (tmp_path / "Snakefile").write_text(IMPORTING, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert "rule overlap_table2:" in run.stdout and "rule mine:" in run.stdout
    assert "results/other/jaccard/plain/gradcam/union/0.250.csv" in run.stdout
    assert "center_gaussian" not in run.stdout
