"""What a brought classifier says of stored pictures."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.classification import class_scores, classify_held_out
from dermalign.classifiers.metrics import classifier_metrics, possibly_trained_on, warnings_for
from dermalign.classifiers.probabilities import predictions_table
from dermalign.errors import InputError
from keras import layers

CLASSES = ["NV", "MEL", "WART"]
IMAGES = [f"ISIC_{number}" for number in range(8)]
PICTURES = np.random.default_rng(2).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
TABLE = pd.DataFrame(
    {
        "image": IMAGES,
        "class": ["MEL", "NV", "BCC", "NV", "MEL", "NV", "BCC", "NV"],
        "split": ["train", "test", "test", "validation", "test", "test", "validation", "excluded"],
    }
)


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(0)
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D()]
    return keras.Sequential([keras.Input((16, 16, 3)), *parts, layers.Dense(3, activation="softmax")])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The pictures, in another order than the table's."""
    with h5py.File(tmp_path / "pictures.h5", "w") as file:
        file["pictures"] = PICTURES[::-1]
        file.create_dataset("image", data=IMAGES[::-1], dtype=h5py.string_dtype())
    return tmp_path / "pictures.h5"


def test_held_out_pictures_of_known_classes_are_classified(model: Any, store: Path) -> None:
    found = classify_held_out(model, CLASSES, TABLE, store, batch_size=3)
    assert list(found["image"]) == ["ISIC_3", "ISIC_1", "ISIC_4", "ISIC_5"]  # validation, then test
    expected = model.predict(PICTURES[[3, 1, 4, 5]].astype(np.float32), verbose=0)
    np.testing.assert_allclose(found[[f"p_{name}" for name in CLASSES]], expected, atol=1e-6)
    assert list(found["predicted"]) == [CLASSES[index] for index in expected.argmax(axis=1)]


def test_a_classifier_that_knows_none_of_the_held_out_classes_gets_an_empty_table(model: Any, store: Path) -> None:
    found = classify_held_out(model, ["A", "B", "C"], TABLE, store)
    assert len(found) == 0
    assert list(found.columns) == ["image", "split", "class", "predicted", "p_A", "p_B", "p_C"]


def test_a_store_that_lacks_a_picture_is_refused(model: Any, store: Path) -> None:
    table = pd.concat([TABLE, pd.DataFrame({"image": ["ISIC_9"], "class": ["NV"], "split": ["test"]})])
    with pytest.raises(InputError, match="lacks 1 held-out pictures"):
        classify_held_out(model, CLASSES, table, store)
    with pytest.raises(InputError, match=r"none\.h5: cannot be read"):
        classify_held_out(model, CLASSES, TABLE, store.with_name("none.h5"))


def test_scores_are_the_same_in_any_batches(model: Any) -> None:
    whole = class_scores(model, PICTURES, batch_size=8)
    np.testing.assert_allclose(class_scores(model, iter(PICTURES), batch_size=3), whole, atol=1e-5)
    assert class_scores(model, []).shape == (0, 0)


def test_the_metrics_of_a_brought_classifier_say_that_its_training_is_unknown() -> None:
    table = TABLE[TABLE["class"].isin(CLASSES)]
    predictions = predictions_table(table, np.eye(3)[[1, 0, 0, 1, 0, 0]] * 3, CLASSES)
    metrics = classifier_metrics(predictions, CLASSES, resamples=0)
    assert not any("unknown" in sentence for sentence in warnings_for(metrics))
    marked = possibly_trained_on(metrics)
    assert marked.iloc[-1].tolist()[:3] == ["possibly_trained_on", "all", 3.0]
    assert any("whether these pictures trained it is unknown" in sentence for sentence in warnings_for(marked))
