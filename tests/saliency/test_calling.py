"""Map sources called by their names in the registry, and their maps on the way to the shards."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from dermalign.data.archives import list_pictures
from dermalign.errors import InputError
from dermalign.saliency.calling import blocks_of
from dermalign.saliency.chance import chance_blocks, random_cells
from dermalign.saliency.maps import write_maps
from dermalign.saliency.tiles import tiles
from dermalign.study.sources import CHANCE, KINDS, VARIANT, kinds_of
from engine_cases import check_real_shards, count_real
from job_cases import FilesOf
from map_cases import gathered, inputs_of, read

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow_scripts"
# As a job would import them: what a source needs, and nothing of the others.
IMPORTED = """
import sys
from dermalign.saliency.calling import blocks_of
from dermalign.saliency.inputs import Inputs
inputs = Inputs(images=[], grid=(1, 1), maps=sys.argv[1])
assert sum(len(block.images) for block in blocks_of("saliency.tiles:tiles", None, inputs, {"tiles": 2})) == 3
print(*(name for name in ("keras", "tensorflow", "skimage", "scipy") if name in sys.modules))
print(*(name for name in sys.modules if name.startswith("dermalign.saliency.")))
"""


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """A file of three maps of 4 x 6 cells."""
    return gathered(tmp_path, np.random.default_rng(0).random((3, 4, 6), dtype=np.float32))


def test_a_function_is_called_with_inputs_and_options(maps: Path) -> None:
    (found,) = blocks_of("saliency.tiles:tiles", None, inputs_of(maps), {"tiles": 2})
    (expected,) = tiles(inputs_of(maps), tiles=2)
    np.testing.assert_array_equal(found.saliency, expected.saliency)
    assert found.images == expected.images


def test_a_function_of_a_family_is_handed_to_what_calls_it(maps: Path) -> None:
    kind = KINDS["random_cells"]
    inputs = inputs_of(maps, seed=3)
    found = list(blocks_of(kind.compute, kind.called_by, inputs, {"draws": 2}))
    expected = list(chance_blocks(random_cells, inputs, draws=2))
    np.testing.assert_array_equal([of.saliency for of in found], [of.saliency for of in expected])


def test_nothing_but_the_named_modules_is_imported(maps: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", IMPORTED, str(maps)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
    )
    libraries, modules = process.stdout.splitlines()
    assert libraries == ""
    assert not {f"dermalign.saliency.{name}" for name in ("superpixels", "chance", "gradcam")} & set(modules.split())


def test_the_script_writes_the_maps_of_a_source_made_of_maps(maps: Path, tmp_path: Path) -> None:
    kind = KINDS["tiles"]
    given = {"maps": str(maps), "pictures": [], "cells": [], "evaluation": []}
    run_script(
        tmp_path,
        given,
        FilesOf(str(tmp_path / "out.h5")),
        compute=kind.compute,
        called_by=kind.called_by,
        options={"tiles": 2},
        inputs={"grid": (4, 6)},
    )
    (expected,) = tiles(inputs_of(maps), tiles=2)
    np.testing.assert_array_equal(read(tmp_path / "out.h5")["saliency"], expected.saliency)
    with h5py.File(tmp_path / "out.h5") as file:
        assert dict(file.attrs) == {"compute": "saliency.tiles:tiles", "tiles": 2}


def run_script(folder: Path, given: dict[str, Any], output: FilesOf, **params: Any) -> None:
    """Run map_source.py as a job would."""
    snakemake = SimpleNamespace(
        input=FilesOf(**given),
        output=output,
        params=SimpleNamespace(**params),
        log=[str(folder / "job.log")],
        threads=1,
    )
    runpy.run_path(str(SCRIPTS / "map_source.py"), init_globals={"snakemake": snakemake})


@pytest.mark.parametrize("name", kinds_of(VARIANT))
def test_real_pictures_go_on_unchanged_to_the_shards(real_data: Path, tmp_path: Path, name: str) -> None:
    archive = real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    random = np.random.default_rng(11)
    images = sorted(random.choice(list(list_pictures(archive)), 12, replace=False).tolist())
    raw = np.maximum(random.normal(size=(12, 8, 8)), 0).astype(np.float32)
    options = {"study_range": {"upper_percentile": 99.5}, "tiles": {"tiles": 3}, "superpixels": {"cells": 48}}[name]
    inputs = inputs_of(gathered(tmp_path, raw, images), pictures=str(archive))
    write_maps(tmp_path / "out.h5", blocks_of(KINDS[name].compute, KINDS[name].called_by, inputs, options))
    saliency = read(tmp_path / "out.h5")["saliency"]
    pixels = count_real(real_data, tmp_path / "cells.h5", images, ["globules", "pigment_network"], saliency.shape[1:])
    by_image = dict(zip(images, saliency, strict=True))
    check_real_shards(tmp_path, pixels, by_image, tmp_path / "out.h5", ["0.000", "0.300", "0.500"])


@pytest.mark.parametrize("name", kinds_of(VARIANT))
def test_a_source_without_raw_maps_is_refused(tmp_path: Path, name: str) -> None:
    with h5py.File(tmp_path / "chance.h5", "w") as file:
        file["saliency"] = np.ones((2, 4, 4), np.float32)
    kind = KINDS[name]
    options = {option: of.get("default", 4) for option, of in kind.options.items()}
    with pytest.raises(InputError, match=r"chance\.h5: not a file of maps, .* lacks .*raw"):
        list(blocks_of(kind.compute, kind.called_by, inputs_of(tmp_path / "chance.h5"), options))


@pytest.mark.parametrize("name", kinds_of(CHANCE))
def test_chance_needs_nothing_but_maps(maps: Path, name: str) -> None:
    kind = KINDS[name]
    options = {option: schema["default"] for option, schema in kind.options.items()}
    found = list(blocks_of(kind.compute, kind.called_by, inputs_of(maps, seed=1), options))
    assert len(found) == options.get("draws", 1)
    assert all(block.saliency.shape == (3, 4, 6) for block in found)
