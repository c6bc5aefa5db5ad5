"""Training: it learns, repeats itself, keeps the best epoch, and stops in clear words."""

import logging
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.architectures import build_classifier, lower_batchnorm_momentum
from dermalign.classifiers.tables import HISTORY_COLUMNS
from dermalign.classifiers.training import KEYS, class_weights, train
from dermalign.errors import InputError
from dermalign.saliency.explaining import explain
from dermalign.study.configuration import complete_model
from sklearn.utils.class_weight import compute_class_weight

CLASSES = ["MEL", "NV", "BCC"]
SIZE = 16
TRAINING = {
    "epochs": 5,
    "batch_size": 8,
    "learning_rate": 5e-3,
    "batchnorm_momentum": 0.9,
    "best_epoch_by": "balanced_accuracy",
}
NETWORK = {"architecture": "plain_stack", "input_size": SIZE, "saliency_layer": "last_convolution"}


def settings(**changes: Any) -> dict[str, Any]:
    complete = complete_model({**NETWORK, "head": {"dense": [16], "dropout": 0.1}, "training": TRAINING})
    complete["training"] |= changes
    return complete


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path]:
    """90 pictures of noise whose colour tells the class, most of them NV; the store has more and another order."""
    random = np.random.default_rng(0)
    labels = random.choice(3, size=90, p=[0.2, 0.6, 0.2])
    pictures = random.integers(0, 136, (100, SIZE, SIZE, 3))
    pictures[np.arange(90), :, :, labels] += 120
    names = [f"p{number}" for number in range(100)]
    path = tmp_path_factory.mktemp("store") / "pictures.h5"
    order = random.permutation(100)
    with h5py.File(path, "w") as file:
        file["pictures"] = pictures[order].astype(np.uint8)
        file.create_dataset("image", data=[names[i] for i in order], dtype=h5py.string_dtype())
    splits = np.repeat(["train", "validation", "test"], [50, 20, 20])
    return pd.DataFrame({"image": names[:90], "class": np.array(CLASSES)[labels], "split": splits}), path


def run(study: tuple[pd.DataFrame, Path], folder: Path, chosen: dict[str, Any], seed: int = 1) -> None:
    table, store = study
    train(
        chosen,
        CLASSES,
        table,
        store,
        seed,
        model_path=folder / "model.keras",
        history_path=folder / "history.csv",
        predictions_path=folder / "predictions.csv",
    )


def test_training_learns_repeats_and_leaves_three_files(
    study: tuple[pd.DataFrame, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="dermalign"):
        run(study, tmp_path / "a", settings())
    assert sum("epoch" in line and "validation loss" in line for line in caplog.messages) == 5
    run(study, tmp_path / "b", settings())
    run(study, tmp_path / "c", settings(), seed=2)
    history = {name: pd.read_csv(tmp_path / name / "history.csv").drop(columns="seconds") for name in "abc"}
    assert [*history["a"].columns, "seconds"] == list(HISTORY_COLUMNS)
    pd.testing.assert_frame_equal(history["a"], history["b"], check_exact=True)
    assert not history["a"].equals(history["c"])
    text = (tmp_path / "a" / "predictions.csv").read_text()
    assert text == (tmp_path / "b" / "predictions.csv").read_text()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"model.keras", "history.csv", "predictions.csv"}

    predictions = pd.read_csv(tmp_path / "a" / "predictions.csv")
    assert list(predictions) == ["image", "split", "class", "predicted", "p_MEL", "p_NV", "p_BCC"]
    probabilities = predictions[["p_MEL", "p_NV", "p_BCC"]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (np.array(CLASSES)[probabilities.argmax(axis=1)] == predictions["predicted"]).all()
    table, store = study
    expected = table[table["split"] != "train"].reset_index(drop=True)
    pd.testing.assert_frame_equal(predictions[["image", "split", "class"]], expected[["image", "split", "class"]])
    assert (predictions["predicted"] == predictions["class"]).mean() > 0.8

    # The saved model is the one that predicted, and the best of the history.
    model = keras.saving.load_model(tmp_path / "a" / "model.keras", safe_mode=True)
    with h5py.File(store) as file:
        row = {name: number for number, name in enumerate(file["image"].asstr()[()])}
        pictures = np.stack([file["pictures"][row[image]] for image in predictions["image"]])
    np.testing.assert_allclose(model.predict(pictures, verbose=0), probabilities, atol=1e-5)
    validation = predictions[predictions["split"] == "validation"]
    sensitivities = (validation["predicted"] == validation["class"]).groupby(validation["class"]).mean()
    best = history["a"]["validation_balanced_accuracy"].max()
    assert sensitivities.mean() == pytest.approx(best)


@pytest.mark.slow
def test_a_short_training_evaluates_as_it_trained_whatever_its_batchnorm_momentum(
    study: tuple[pd.DataFrame, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # MobileNetV2's own momentum, in a network that learns in seconds: 12 epochs of 7 steps, of which
    # 0.999 ** 84 = 92 % of the first statistics would be left.
    chosen = settings(epochs=12, batchnorm_momentum=0.999, augmentation="none") | {"architecture": "residual_stack"}
    with monkeypatch.context() as patch:
        patch.setattr("dermalign.classifiers.fitting.lower_batchnorm_momentum", lambda *_: None)
        run(study, tmp_path / "unguarded", chosen)
    with caplog.at_level(logging.INFO, logger="dermalign"):
        run(study, tmp_path / "guarded", chosen)
    assert any("momentum lowered to 0.7" in line for line in caplog.messages)  # 0.01 ** (1 / 16.8)
    last = {name: pd.read_csv(tmp_path / name / "history.csv").iloc[-1] for name in ("unguarded", "guarded")}
    for row in last.values():
        assert row["accuracy"] > 0.9  # of neither is anything seen while it trains
    assert last["guarded"]["validation_accuracy"] > 0.85
    assert last["unguarded"]["validation_accuracy"] < 0.7


def test_the_paper_s_batchnorm_momentum_is_its_own() -> None:
    # ResNet50 (0.99) for 30 epochs of 18,180 pictures in batches of 32; MobileNetV2 (0.999) for one.
    resnet = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert lower_batchnorm_momentum(resnet, 30 * 569) is None
    mobilenet = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert lower_batchnorm_momentum(mobilenet, 569) == pytest.approx(0.01 ** (5 / 569))
    (momentum,) = {layer.momentum for layer in mobilenet.layers if hasattr(layer, "moving_mean")}
    assert momentum == pytest.approx(0.01 ** (5 / 569))


def test_best_epoch_is_kept_not_the_last(study: tuple[pd.DataFrame, Path], tmp_path: Path) -> None:
    """Momentum without bounds: some epoch is worse than an earlier one, and the model is that of the best."""
    run(study, tmp_path, settings(epochs=4, learning_rate=0.05, best_epoch_by="accuracy", augmentation="none"))
    history = pd.read_csv(tmp_path / "history.csv")
    predictions = pd.read_csv(tmp_path / "predictions.csv")
    validation = predictions[predictions["split"] == "validation"]
    reached = (validation["predicted"] == validation["class"]).mean()
    assert reached == pytest.approx(history["validation_accuracy"].max())


def test_no_epochs_leave_the_classifier_of_the_start(study: tuple[pd.DataFrame, Path], tmp_path: Path) -> None:
    run(study, tmp_path, settings(epochs=0))
    assert len(pd.read_csv(tmp_path / "history.csv")) == 0
    found = keras.saving.load_model(tmp_path / "model.keras").get_weights()
    for a, b in zip(found, build_classifier(settings(), CLASSES, 1).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(pd.read_csv(tmp_path / "predictions.csv")) == 40


def test_without_validation_the_last_epoch_is_kept(study: tuple[pd.DataFrame, Path], tmp_path: Path) -> None:
    table, store = study
    run((table[table["split"] == "train"], store), tmp_path, settings(epochs=1))
    assert pd.read_csv(tmp_path / "history.csv")["validation_accuracy"].isna().all()
    assert list(pd.read_csv(tmp_path / "predictions.csv"))[:4] == ["image", "split", "class", "predicted"]


def test_loss_that_is_not_finite_stops(study: tuple[pd.DataFrame, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the (validation )?loss is (nan|inf).*tenth"):
        run(study, tmp_path, settings(optimizer="sgd", learning_rate=1e30))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": "p95x"}, "not in the picture store .*first p95x"),
        ({"image": "p1"}, "more than once, first p1"),
        ({"class": "UNK"}, "class other than MEL, NV, BCC, first p0"),
        ({"split": "holdout"}, "split other than"),
    ],
)
def test_wrong_tables_are_refused(
    study: tuple[pd.DataFrame, Path], tmp_path: Path, change: dict[str, str], words: str
) -> None:
    table = study[0].copy()
    for column, value in change.items():
        table.loc[0, column] = value
    with pytest.raises(InputError, match=words):
        run((table, study[1]), tmp_path, settings())


def test_wrong_settings_and_stores_are_refused(study: tuple[pd.DataFrame, Path], tmp_path: Path) -> None:
    for change in ("optimizer", "class_weights", "augmentation", "best_epoch_by", "loss", "precision"):
        with pytest.raises(InputError, match=f"{change}: .*'other'"):
            run(study, tmp_path, settings(**{change: "other"}))
    with pytest.raises(InputError, match=r"not a picture store of 32 x 32 pixels"):
        run(study, tmp_path, settings() | {"input_size": 32})
    with h5py.File(study[1]) as file, h5py.File(tmp_path / "compressed.h5", "w") as other:
        other.create_dataset("pictures", data=file["pictures"][()], compression="gzip")
        file.copy("image", other)
    with pytest.raises(InputError, match=r"compressed\.h5: its pictures are not contiguous"):
        run((study[0], tmp_path / "compressed.h5"), tmp_path, settings())
    with pytest.raises(InputError, match=r"none\.h5: cannot be read"):
        run((study[0], tmp_path / "none.h5"), tmp_path, settings())
    with pytest.raises(InputError, match="lacks the columns split"):
        run((study[0].drop(columns="split"), study[1]), tmp_path, settings())
    with pytest.raises(InputError, match="no pictures of split `train`"):
        run((study[0][study[0]["split"] == "test"], study[1]), tmp_path, settings())


def test_class_weights_are_scikit_learns_balanced() -> None:
    labels = np.repeat([0, 1, 3], [10, 70, 20])
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    found = class_weights(labels, 4, "inverse_frequency")
    np.testing.assert_allclose(found[[0, 1, 3]], expected)
    assert found[2] == 0
    np.testing.assert_allclose(found[labels].sum(), len(labels))
    np.testing.assert_allclose(class_weights(labels, 4, "square_root") ** 2, found)
    np.testing.assert_array_equal(class_weights(labels, 4, "none"), 1)


FULL = {
    **NETWORK,
    "weights": "none",
    "pixels": "unit",
    "head": {"pooling": "average", "dense": [], "dropout": 0},
    "training": {
        "epochs": 2,
        "batch_size": 32,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "decay": 0,
        "momentum": 0,
        "nesterov": False,
        "loss": "cross_entropy",
        "focal_gamma": 2,
        "precision": "float32",
        "class_weights": "inverse_frequency",
        "augmentation": "flips_and_quarter_turns",
        "batchnorm_momentum": 0.9,
        "best_epoch_by": "accuracy",
    },
}


@pytest.mark.slow
def test_settings_that_the_schema_completes_train_as_those_in_full(
    study: tuple[pd.DataFrame, Path], tmp_path: Path
) -> None:
    run(study, tmp_path / "full", FULL)
    run(study, tmp_path / "completed", complete_model({**NETWORK, "training": {"epochs": 2}}))
    full, completed = (
        keras.saving.load_model(tmp_path / name / "model.keras").get_weights() for name in ("full", "completed")
    )
    for ours, theirs in zip(full, completed, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_settings_that_lack_a_key_are_refused_by_its_name(study: tuple[pd.DataFrame, Path], tmp_path: Path) -> None:
    training = {key: value for key, value in FULL["training"].items() if key not in ("augmentation", "class_weights")}
    with pytest.raises(InputError, match=r"lack `training\.augmentation`, `training\.class_weights`; .*complete_model"):
        run(study, tmp_path, {**FULL, "training": training})
    for key in KEYS:
        outer, _, inner = key.partition(".")
        lacking = {name: value for name, value in FULL.items() if name != outer}
        if inner:
            lacking[outer] = {name: value for name, value in FULL[outer].items() if name != inner}
        with pytest.raises(InputError, match=f"`{key}`"):
            run(study, tmp_path, lacking)
    assert not list(tmp_path.iterdir())


def test_the_keys_that_are_read_are_those_of_the_schema() -> None:
    complete = complete_model({**NETWORK, "training": {"epochs": 2}})
    of_schema = {f"{outer}.{inner}" for outer in ("head", "training") for inner in complete[outer]} | {
        key for key in complete if key not in ("head", "training")
    }
    assert set(KEYS) == of_schema - {"saliency_layer", "published"}
    assert complete == {**FULL, "published": {}}


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns_and_leaves_a_float32_classifier(
    study: tuple[pd.DataFrame, Path], tmp_path: Path, precision: str
) -> None:
    run(study, tmp_path, settings(precision=precision))
    assert keras.config.dtype_policy().name == "float32"
    model = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    backbone = model.get_layer("plain_stack")
    assert {layer.dtype_policy.name for layer in (*model.layers, *backbone.layers)} == {"float32"}
    predictions = pd.read_csv(tmp_path / "predictions.csv")
    assert (predictions["predicted"] == predictions["class"]).mean() > 0.8
    with h5py.File(study[1]) as file:
        row = {name: number for number, name in enumerate(file["image"].asstr()[()])}
        pictures = np.stack([file["pictures"][row[image]] for image in predictions["image"]])
    found = explain(model, pictures, layer="last_convolution", batch_size=40)
    assert (found.raw.dtype, found.probabilities.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(found.probabilities, predictions[["p_MEL", "p_NV", "p_BCC"]], atol=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def test_grad_cam_of_a_classifier_in_mixed_precision_is_float32(precision: str) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.uint8)
    mixed = build_classifier(settings(precision=precision), CLASSES, 1)
    assert mixed.get_layer("plain_stack").get_layer("last_convolution").compute_dtype == precision.removeprefix(
        "mixed_"
    )
    assert mixed.get_layer("logits").compute_dtype == mixed.get_layer("probabilities").compute_dtype == "float32"
    plain = build_classifier(settings(), CLASSES, 1)
    found, expected = (explain(model, pictures, layer="last_convolution", batch_size=4) for model in (mixed, plain))
    assert found.raw.dtype == np.float32
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=0.02)
    np.testing.assert_allclose(found.raw, expected.raw, atol=0.05 * expected.raw.max())
