"""The library outside of the workflow: installed as a package, in a notebook."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brute_force import intersection_and_union
from PIL import Image

from .conftest import REPOSITORY


def _example() -> str:
    """The lines of docs/library.md that compute a Jaccard index."""
    return re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "library.md").read_text(encoding="utf-8"), re.S)[0]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the library as `pip` installs it from its wheel, without what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", str(REPOSITORY), "--no-deps", "--wheel-dir", str(folder)], check=True)
    (wheel,) = folder.glob("dermalign-*.whl")
    subprocess.run([*pip, "install", str(wheel), "--no-deps", "--target", str(folder / "site")], check=True)
    return folder / "site"


def _run(code: str, installed: Path, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_ten_lines_of_the_docs_compute_a_jaccard_index(installed: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    saliency = random.random((7, 9), dtype=np.float32)
    mask = random.random((61, 83)) > 0.6
    np.save(tmp_path / "map.npy", saliency)
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    common, either = intersection_and_union(saliency, mask, "0.300")
    assert _run(_example(), installed, tmp_path).strip() == f"{common / either:.3f}"


def test_the_installed_library_knows_the_schema_of_the_configuration(installed: Path, tmp_path: Path) -> None:
    code = (
        "import sys, yaml; from dermalign.study import configuration; print(configuration.SCHEMA)\n"
        "print(configuration.checked(yaml.safe_load(open(sys.argv[1])))['study'])"
    ).replace("sys.argv[1]", repr(str(REPOSITORY / "config.yaml")))
    schema, study = _run(code, installed, tmp_path).split()
    assert schema.startswith(str(installed)) and study == "embedded"
