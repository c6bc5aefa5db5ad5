"""Raw maps of a study as files, and sources that are made of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.hdf5 import SEAL_BYTES
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import gather_maps, open_maps, write_maps
from dermalign.saliency.stores import write_store
from dermalign.saliency.stretching import stretch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

DATASETS = {"image", "saliency", "raw", "predicted_class", "target_class", "degenerate"}
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
ANY = st.one_of(
    st.floats(-(2.0**100), 2.0**100, width=32),
    st.floats(0, 5, width=32),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),  # ties, and maps and tiles that are constant
)
RAW = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=ANY))
TEXTS = {
    "target": "predicted",
    "image": "ISIC_0000013",
    "model": "vgg16",
    "method": "grad_cam",
    "layer": "block5_conv3",
    "score": "before_softmax",
    "target_class": "MEL",
    "predicted_class": "NV",
    "classifier_sha256": "0" * 64,
}


def store_with(path: Path, saliency: np.ndarray, **changes: Any) -> Path:
    """Write a store of one map; what is not given is made up."""
    content = {"saliency": saliency, "raw": saliency * 3, "probabilities": [0.25, 0.75], "degenerate": False}
    write_store(path, **{**TEXTS, **content, **changes})
    return path


@contextmanager
def without_seal(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file to be changed, as one of another program or of an earlier version."""
    with path.open("r+b") as stream:
        stream.write(bytes(SEAL_BYTES))
    with h5py.File(path, "a") as file:
        yield file


def replace_part(path: Path, part: str, value: Any) -> None:
    """Have something else in the place of a part of an HDF5 file, a group for None."""
    with without_seal(path) as file:
        del file[part]
        if value is None:
            file.create_group(part)
        else:
            file[part] = value


def gathered(folder: Path, raw: np.ndarray, images: Sequence[str] | None = None) -> Path:
    """Write raw maps (n, h, w) as a source's stores, and gather them."""
    names = images or [f"ISIC_{number:07d}" for number in range(len(raw))]
    saliency, degenerate = stretch(raw)
    stores = [
        store_with(
            folder / "stores" / f"{image}.h5",
            saliency[row],
            raw=raw[row],
            image=image,
            target_class="NV",
            predicted_class=("MEL", "NV")[row % 2],
            degenerate=bool(degenerate[row]),
        )
        for row, image in enumerate(names)
    ]
    gather_maps(folder / "maps.h5", stores)
    return folder / "maps.h5"


def inputs_of(maps: Path, **others: Any) -> Inputs:
    """Return what a source that is made of maps is given."""
    return Inputs(**{"images": [], "grid": (1, 1), "maps": str(maps), **others})


def made(
    function: Callable[..., Iterator[MapBlock]], maps: Path, pictures: Path | None = None, **options: Any
) -> dict[str, np.ndarray]:
    """Make a source's maps of others, write them to out.h5 beside these, and return what is in there.

    The pictures, and what the classifier said of them, must be those of the maps.
    """
    inputs = inputs_of(maps, pictures=str(pictures) if pictures else None)
    write_maps(maps.parent / "out.h5", function(inputs, **options))
    found, source = read(maps.parent / "out.h5"), read(maps)
    for name in ("image", "predicted_class", "target_class"):
        np.testing.assert_array_equal(found[name], source[name])
    return found


def check_refused(
    function: Callable[..., Iterator[MapBlock]], folder: Path, words: str, pictures: Path | None = None, **options: Any
) -> None:
    """Check that options are refused in words, with two maps of 4 x 6 cells, and leave no file."""
    maps = gathered(folder, np.random.default_rng(0).random((2, 4, 6), dtype=np.float32))
    with pytest.raises(InputError, match=words):
        made(function, maps, pictures, **options)
    assert not (folder / "out.h5").exists()


def read(path: Path) -> dict[str, np.ndarray]:
    """Return all data sets of a file of maps, whose values must be possible."""
    with h5py.File(path) as file:
        assert set(file) == DATASETS
        assert file["saliency"].dtype == file["raw"].dtype == np.float32
        assert file["degenerate"].dtype == np.bool_
        content = {name: file[name].asstr()[:] if file[name].dtype == object else file[name][:] for name in file}
    assert content["raw"].shape == content["saliency"].shape
    assert content["saliency"].min() >= 0 and content["saliency"].max() <= 1
    assert (content["saliency"][content["degenerate"]] == 0).all()
    return content


def predictions(path: Path) -> dict[str, str]:
    """Return {image: predicted class} of a file of maps."""
    with open_maps(path) as maps:
        return dict(zip(maps.images, maps.predicted, strict=True))
