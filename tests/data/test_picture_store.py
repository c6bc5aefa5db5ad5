"""The picture store: what is written is what is read, and what is none is refused."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from dermalign.data.picture_store import open_picture_store, write_picture_store
from dermalign.errors import InputError
from job_cases import FilesOf

SCRIPT = Path(__file__).resolve().parents[2] / "workflow_scripts" / "stored_pictures.py"
PICTURES = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
IMAGES = ["d", "a", "c", "b"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_picture_store(tmp_path / "pictures.h5", IMAGES, 6, iter(PICTURES))
    return tmp_path / "pictures.h5"


def test_what_is_written_is_read(path: Path) -> None:
    for size in (6, None):
        with open_picture_store(path, size) as store:
            assert (store.path, list(store.images)) == (path, IMAGES)
            np.testing.assert_array_equal(store.pictures[()], PICTURES)
            assert store.rows(["b", "e", "d"]).tolist() == [3, -1, 0]
    assert not store.pictures  # closed


@pytest.mark.parametrize("count", [3, 5])
def test_another_number_of_pictures_leaves_no_file(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match="zip"):
        write_picture_store(tmp_path / "pictures.h5", IMAGES, 6, np.resize(PICTURES, (count, 6, 6, 3)))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_picture_store_is_refused(path: Path) -> None:
    def refused(words: str, size: int | None = 6) -> None:
        with pytest.raises(InputError, match=words), open_picture_store(path, size):
            pass

    refused(r"pictures\.h5: is not a picture store of 8 x 8 pixels, the input_size", 8)
    with h5py.File(path, "w") as file:
        file.create_dataset("pictures", data=PICTURES, compression="gzip")
    refused("is not a picture store of 6 x 6")  # without names
    refused("is not a picture store$", None)
    with h5py.File(path, "a") as file:
        file.create_dataset("image", data=IMAGES, dtype=h5py.string_dtype())
    refused(r"its pictures are not contiguous uint8")
    with h5py.File(path, "a") as file:
        del file["pictures"]
        file["pictures"] = PICTURES.astype(np.float32)
    refused(r"its pictures are not contiguous uint8", None)
    with h5py.File(path, "a") as file:
        del file["pictures"]
        file["pictures"] = PICTURES[..., 0]
    refused("is not a picture store$", None)
    path.write_bytes(b"?")
    refused("cannot be read as a picture store")
    path.unlink()
    refused("cannot be read as a picture store")


# The script that writes it

TABLES = {
    "training": "image,class,split,lesion_id,reason\na,MEL,train,,\nb,NV,excluded,,it has no class\n"
    "c,NV,excluded,,it was set aside: it is cut off\nd,NV,test,,\n",
    "folds": "image,lesion_id,copies,fold,fold_1,fold_2\na,,0,1,held_out,train\nd,,0,2,train,held_out\n",
}


@pytest.mark.parametrize("kind", TABLES)
def test_the_pictures_of_a_manifest_or_of_folds_are_stored(
    tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes], kind: str
) -> None:
    pictures = zipped(tmp_path / "pictures.zip", {f"{name}.png": encoded(PICTURES[0]) for name in ("a", "b", "d")})
    (tmp_path / "table.csv").write_text(TABLES[kind])
    output = tmp_path / "results" / "pictures.h5"
    snakemake = SimpleNamespace(
        input=FilesOf(manifest=str(tmp_path / "table.csv"), pictures=str(pictures)),
        output=FilesOf(str(output)),
        log=[str(tmp_path / "results" / "logs" / "pictures.log")],
        wildcards=SimpleNamespace(input_size="6"),
        threads=1,
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})
    with open_picture_store(output, 6) as store:
        assert list(store.images) == ["a", "d"]
