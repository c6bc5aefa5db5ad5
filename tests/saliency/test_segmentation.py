"""Maps of segmentation networks: of each picture by the network of its fold, as it gives them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from dermalign.errors import InputError
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.segmentation import segmentation_blocks
from dermalign.segmentation.networks import build_network
from keras import layers
from segmentation_cases import network_settings

SIZE, CELLS = 32, 8
FEATURES = ["globules", "streaks", "union"]
IMAGES = ["d", "a", "e", "c", "b", "f", "g"]
FOLDS = pd.DataFrame({"image": [*"abcdefg", "elsewhere"], "fold": [1, 2, 2, 1, 2, 1, 1, 1]})
OF_FOLD = {1: ["d", "a", "f", "g"], 2: ["e", "c", "b"]}  # in the order of IMAGES
PICTURES = np.random.default_rng(1).integers(0, 256, (len(IMAGES), SIZE, SIZE, 3), dtype=np.uint8)
SCORES = {1: [-3.0, 0.5, 200.0], 2: [2.0, -200.0, 0.0]}


@pytest.fixture
def inputs(tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]) -> Inputs:
    """Those of `IMAGES`, whose archive has them in the order of names."""
    members = {f"{name}.png": encoded(pixels) for name, pixels in zip(IMAGES, PICTURES, strict=True)}
    archive = zipped(tmp_path / "pictures.zip", dict(sorted(members.items())))
    return Inputs(list(IMAGES), features=FEATURES, pictures=str(archive), settings={"input_size": SIZE})


@pytest.fixture
def constant(tmp_path: Path) -> dict[int, Path]:
    """Networks that give the same scores everywhere, other ones in each fold."""
    paths = {}
    for fold, scores in SCORES.items():
        inputs = keras.Input((SIZE, SIZE, 3), name="picture")
        tensor = layers.AveragePooling2D(SIZE // CELLS)(inputs)
        tensor = layers.Conv2D(3, 1, kernel_initializer="zeros", name="scores")(tensor)
        logits = layers.Identity(name="logits")(tensor)
        network = keras.Model(inputs, layers.Activation("sigmoid", name="probabilities")(logits))
        network.get_layer("scores").bias.assign(np.array(scores, np.float32))
        paths[fold] = tmp_path / f"fold_{fold}.keras"
        network.save(paths[fold])
    return paths


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Networks as they are trained here, with weights of two seeds."""
    folder, paths = tmp_path_factory.mktemp("networks"), {}
    for fold in (1, 2):
        network = build_network(network_settings(input_size=SIZE, cells=CELLS), FEATURES, fold)
        paths[fold] = folder / f"fold_{fold}.keras"
        network.save(paths[fold])
    return paths


def gathered(blocks: list[tuple[Path, MapBlock]]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the images, saliency and raw maps of all blocks, one behind the other."""
    return (
        [image for _, block in blocks for image in block.images],
        np.concatenate([block.saliency for _, block in blocks]),
        np.concatenate([block.raw for _, block in blocks]),
    )


@pytest.mark.parametrize("batch_size", [1, 2, 3, 9])
def test_each_picture_is_mapped_by_the_network_of_its_fold_alone(
    inputs: Inputs, constant: dict[int, Path], batch_size: int
) -> None:
    blocks = list(segmentation_blocks(inputs, FOLDS, constant, batch_size))
    images, saliency, raw = gathered(blocks)
    assert images == OF_FOLD[1] + OF_FOLD[2]
    for path, block in blocks:
        (fold,) = [fold for fold, of in constant.items() if of == path]
        assert set(block.images) <= set(OF_FOLD[fold]) and len(block.images) <= batch_size
        assert block.features == FEATURES
        assert block.saliency.dtype == block.raw.dtype == np.float32
        assert block.saliency.shape == block.raw.shape == (len(block.images), len(FEATURES), CELLS, CELLS)
        expected = np.array(SCORES[fold])[np.newaxis, :, np.newaxis, np.newaxis]
        np.testing.assert_array_equal(block.raw, np.broadcast_to(expected, block.raw.shape))
        np.testing.assert_allclose(block.saliency, 1 / (1 + np.exp(-expected)) + 0 * block.raw, rtol=1e-6, atol=1e-40)
        assert block.degenerate.tolist() == [True] * len(block.images)  # the same everywhere, of every feature
        assert (block.probabilities, block.predicted, block.target, block.layer) == (None, [], [], "probabilities")
    assert ((saliency >= 0) & (saliency <= 1)).all() and np.isfinite(raw).all()


def test_maps_are_what_the_network_gives_whatever_the_batches(inputs: Inputs, drawn: dict[int, Path]) -> None:
    images, saliency, raw = gathered(list(segmentation_blocks(inputs, FOLDS, drawn, 7)))
    for fold, path in drawn.items():
        network = keras.saving.load_model(path, safe_mode=True)
        of_fold = np.stack([PICTURES[IMAGES.index(image)] for image in OF_FOLD[fold]])
        rows = [images.index(image) for image in OF_FOLD[fold]]
        probabilities = network.predict(of_fold, verbose=0).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(saliency[rows], probabilities, atol=1e-6)
        np.testing.assert_allclose(1 / (1 + np.exp(-raw[rows].astype(float))), saliency[rows], atol=1e-6)
    assert saliency.std(axis=(2, 3)).min() > 0
    for batch_size in (1, 2, 3):
        blocks = list(segmentation_blocks(inputs, FOLDS, drawn, batch_size))
        assert not np.concatenate([block.degenerate for _, block in blocks]).any()
        others = gathered(blocks)
        assert others[0] == images
        np.testing.assert_allclose(others[1], saliency, atol=1e-6)
        np.testing.assert_allclose(others[2], raw, atol=1e-5)


def test_a_network_of_no_picture_is_not_loaded(inputs: Inputs, constant: dict[int, Path], tmp_path: Path) -> None:
    few = replace(inputs, images=["c", "b"])
    networks = {**constant, 1: tmp_path / "none.keras"}
    ((path, block),) = segmentation_blocks(few, FOLDS, networks, 2)
    assert (path, block.images) == (constant[2], ["c", "b"])
    with pytest.raises(InputError, match=r"none\.keras: there is no such file"):
        list(segmentation_blocks(inputs, FOLDS, networks, 2))


def test_a_picture_that_the_archive_lacks_is_told(inputs: Inputs, constant: dict[int, Path]) -> None:
    with pytest.raises(InputError, match=r"pictures\.zip: lacks 1 of 2 pictures, among them elsewhere"):
        list(segmentation_blocks(replace(inputs, images=["a", "elsewhere"]), FOLDS, constant, 2))
