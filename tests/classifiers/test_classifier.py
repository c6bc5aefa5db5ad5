"""Classifiers from files and from a notebook's hands."""

from pathlib import Path

import keras
import numpy as np
import pytest
from dermalign.classifiers.brought.freezing import freeze
from dermalign.classifiers.brought.graph_adoption import adopt_graph, write_graph
from dermalign.classifiers.brought.graph_classifier import GraphClassifier
from dermalign.classifiers.classifier import as_classifier, load_classifier
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.errors import InputError
from keras import layers

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)


def test_both_kinds_of_file_are_loaded(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(3)]
    model = keras.Sequential([keras.Input((16, 16, 3)), *parts])
    model.save(tmp_path / "model.keras")
    model.export(tmp_path / "exported", verbose=False)
    write_graph(tmp_path / "model.pb", adopt_graph(freeze(tmp_path / "exported"), 16, "raw", None, None).graph)
    expected = model.predict(PICTURES, verbose=0)
    for name, kind in (("model.keras", KerasClassifier), ("model.pb", GraphClassifier)):
        classifier = load_classifier(tmp_path / name)
        assert isinstance(classifier, kind)
        assert as_classifier(classifier) is classifier
        np.testing.assert_allclose(classifier.scores()(PICTURES), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(as_classifier(model).scores()(PICTURES), expected, rtol=1e-4, atol=1e-6)


def test_safe_mode_loads_no_code(tmp_path: Path) -> None:
    code = layers.Lambda(lambda tensor: tensor + 1)
    keras.Sequential([keras.Input((16, 16, 3)), code, layers.Flatten(), layers.Dense(3)]).save(tmp_path / "a.keras")
    with pytest.raises(InputError, match=r"Lambda layer, which is Python code"):
        load_classifier(tmp_path / "a.keras")
