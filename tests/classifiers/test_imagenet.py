"""ImageNet weights by way of Keras's own cache: what the file holds, and what is said where there is no download."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from dermalign.classifiers.architectures import build_classifier
from dermalign.classifiers.backbones import FOLDING
from dermalign.classifiers.imagenet import fetch_weights, weights_name
from dermalign.errors import InputError
from keras.src.applications import efficientnet
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils.file_utils import hash_file

CLASSES = ["MEL", "NV", "BCC"]


def settings(architecture: str, weights: str, size: int = 32) -> dict[str, Any]:
    return {
        "architecture": architecture,
        "input_size": size,
        "weights": weights,
        "pixels": "native",
        "head": {"pooling": "average", "dense": [], "dropout": 0},
        "training": {"batchnorm_momentum": None, "precision": "float32"},
    }


def put_into_keras_cache(network: Any, folder: Path, name: str) -> Path:
    """Write weights as Keras offers them for download."""
    path = folder / "models" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


def random_weights(network: Any) -> Any:
    random = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(random.uniform(0.05, 0.3, variable.shape))
    return network


@pytest.fixture
def keras_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of Keras, and no way into the internet."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr("urllib.request._opener", None)  # which remembers the proxies of its first use
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))  # KERAS_HOME, read once
    (tmp_path / "keras").mkdir()
    return tmp_path / "keras"


@pytest.mark.parametrize(("size", "takes"), [(96, 96), (100, 224)])
def test_the_file_holds_what_keras_offers_for_the_input_size(
    keras_cache: Path, tmp_path: Path, size: int, takes: int
) -> None:
    network = random_weights(keras.applications.MobileNetV2(weights=None, include_top=False))
    put_into_keras_cache(network, keras_cache, f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{takes}_no_top.h5")
    path = tmp_path / "cache" / weights_name("MobileNetV2", size)
    assert path.name == f"MobileNetV2_{takes}_imagenet.weights.h5"
    fetch_weights("MobileNetV2", size, path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    classifier = build_classifier(settings("MobileNetV2", str(path), size), CLASSES, 1)
    (backbone,) = [layer for layer in classifier.layers if isinstance(layer, keras.Model)]
    for ours, theirs in zip(backbone.weights, network.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_efficientnet_computes_what_keras_own_imagenet_variant_does(
    keras_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = random_weights(keras.applications.EfficientNetB0(weights=None, include_top=False))
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt_mean.assign([0.485, 0.456, 0.406])
            layer.adapt_variance.assign([0.229, 0.224, 0.225])
    published = put_into_keras_cache(network, keras_cache, "efficientnetb0_notop.h5")
    # The checksum of the real weights is not that of ours.
    hashes = ("", hash_file(published, algorithm="md5"))
    monkeypatch.setitem(efficientnet.WEIGHTS_HASHES, "b0", hashes)
    own = keras.applications.EfficientNetB0(weights="imagenet", include_top=False, input_shape=(32, 32, 3))
    path = tmp_path / weights_name("EfficientNetB0", 32)
    fetch_weights("EfficientNetB0", 32, path)
    classifier = build_classifier(settings("EfficientNetB0", str(path)), CLASSES, 1)
    (backbone,) = [layer for layer in classifier.layers if isinstance(layer, keras.Model)]

    def stem(model: Any) -> Any:
        # The first convolution: behind it only networks of equal weights follow.
        return keras.Model(model.inputs, model.get_layer("stem_conv").output)

    pictures = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    expected = np.asarray(stem(own)(pictures))
    np.testing.assert_allclose(np.asarray(stem(backbone)(pictures)), expected, rtol=1e-5, atol=1e-6)
    # Not for nothing: the weights as they are offered give something else in the network without rescaling.
    assert np.abs(np.asarray(stem(network)(pictures)) - expected).max() > 0.1
    # The weights but for the normalization's variance are the published ones.
    different = [
        ours.path
        for ours, theirs in zip(backbone.weights, network.weights, strict=True)
        if not np.array_equal(ours, theirs)
    ]
    assert [name.rpartition("/")[2] for name in different] == ["variance"]
    other = tmp_path / "other.weights.h5"
    network.save_weights(other)
    with pytest.raises(InputError, match="EfficientNetB0 takes `imagenet`, `none` or a file that `snakemake fetch`"):
        build_classifier(settings("EfficientNetB0", str(other)), CLASSES, 1)


def test_only_efficientnet_has_another_imagenet_variant(keras_cache: Path) -> None:
    names = [name for name in vars(keras.applications) if name.startswith("EfficientNetB")]
    assert sorted(names) == sorted(FOLDING)


def test_no_download_is_said_with_what_to_do(keras_cache: Path, tmp_path: Path) -> None:
    for architecture in ("VGG16", "EfficientNetB0"):
        with pytest.raises(InputError, match=r"cannot be downloaded .*`snakemake fetch`.*path of a weights file"):
            fetch_weights(architecture, 64, tmp_path / "cache" / "a.weights.h5")
    assert not (tmp_path / "cache").exists()
    with pytest.raises(InputError, match="no ImageNet weights of plain_stack"):
        fetch_weights("plain_stack", 64, tmp_path / "a.weights.h5")


def test_a_damaged_download_is_said(keras_cache: Path, tmp_path: Path) -> None:
    # With a file in its cache that has another checksum, Keras downloads anew: which fails here.
    (keras_cache / "models").mkdir(parents=True)
    (keras_cache / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"half")
    with pytest.raises(InputError, match="cannot be downloaded"):
        fetch_weights("VGG16", 64, tmp_path / "a.weights.h5")
