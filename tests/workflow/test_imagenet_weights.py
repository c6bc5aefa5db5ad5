"""`weights: imagenet` in a workflow: fetched by a rule of its own, once, and read by the training like any path."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from .conftest import REPOSITORY, Study

pytestmark = pytest.mark.slow

MODEL = "results/embedded/classifiers/plain/model.keras"
WEIGHTS = "MobileNetV2_96_imagenet.weights.h5"
NO_INTERNET = {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""}


def _published() -> Any:
    """MobileNetV2 with its real weights where they are, else with random ones."""
    data = Path(os.environ.get("DERMALIGN_DATA") or REPOSITORY.parent / "shared" / "data")
    real = data / "weights" / "mobilenet_v2_1.0_224_notop.weights.h5"
    return keras.applications.MobileNetV2(
        weights=str(real) if real.is_file() else None, include_top=False, input_shape=(96, 96, 3)
    )


def test_imagenet_weights_are_fetched_once_and_trained_from(
    empty: Study, tmp_path: Path, tiny: Callable[[], dict[str, Any]]
) -> None:
    overlay = tiny()
    model = {"architecture": "MobileNetV2", "input_size": 96, "saliency_layer": "Conv_1", "weights": "imagenet"}
    overlay["models"]["plain"].update(model, pixels="native", training={"epochs": 0})
    overlay["weights_folder"] = str(tmp_path / "shared weights")
    file = tmp_path / "shared weights" / WEIGHTS
    environment = {**NO_INTERNET, "KERAS_HOME": str(tmp_path / "keras")}

    run = empty.snakemake("fetch", overlay=overlay, **environment)
    assert run.status != 0
    assert "dermalign: weights: the ImageNet weights of MobileNetV2 cannot be downloaded" in run.text
    assert "its login node" in run.text
    assert not file.exists()

    # As Keras has it in its cache after a download: in the format of Keras 2, under this name.
    network = _published()
    cache = tmp_path / "keras" / "models"
    cache.mkdir(parents=True, exist_ok=True)
    with h5py.File(cache / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5", "w") as written:
        legacy_h5_format.save_weights_to_hdf5_group(written, network)
    run = empty.snakemake(MODEL, overlay=overlay, **environment)  # fetches what is not there, too
    assert run.status == 0, run.text[-3000:]
    assert [path.name for path in file.parent.iterdir()] == [WEIGHTS]
    file.rename(tmp_path / "as trained from")
    run = empty.snakemake("fetch", overlay=overlay, **environment)
    assert run.status == 0, run.text[-3000:]
    assert file.read_bytes() == (tmp_path / "as trained from").read_bytes()

    # From here on neither the internet nor Keras's cache is there.
    environment["KERAS_HOME"] = str(tmp_path / "none")
    classifier = keras.models.load_model(empty.folder / MODEL, safe_mode=True)
    (backbone,) = [layer for layer in classifier.layers if isinstance(layer, keras.Model)]
    for ours, theirs in zip(backbone.weights, network.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)

    # A newer file of the same name: no training anew. (A changed one is told by its content where it is named by path.)
    assert empty.snakemake("-n", MODEL, overlay=overlay, **environment).jobs() == {}
    overlay["study"] = "another"
    jobs = empty.snakemake("-n", MODEL.replace("embedded", "another"), overlay=overlay).jobs()
    assert "train" in jobs
    assert not [rule for rule in jobs if rule.startswith("fetch")]
