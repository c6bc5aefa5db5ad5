"""The sanity check: maps of what is learned change with the weights, those of edges do not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.classifier import as_classifier, load_classifier
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.randomising import randomised
from dermalign.results.sanity import CHANGES, HARDLY_CHANGES, sanity_statistics
from dermalign.saliency import sanity
from dermalign.saliency.calling import named_function
from dermalign.saliency.gradcam import grad_cam
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.methods import LAYER, NETWORK, PICTURES, Method, explained_batches
from dermalign.saliency.sanity import Asked, Compared, compared_maps, sanity_rows
from dermalign.saliency.sanity_files import COLUMNS, SanityRow, read_sanity, write_sanity
from dermalign.saliency.similarity import similarity
from dermalign.study.sources import METHOD, kinds_of, own_options
from keras import layers, ops

SIDE = 32


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (count, 32, 32, 3) with a bright and a dark spot anywhere, and which of them is red."""
    random = np.random.default_rng(seed)
    pictures = random.integers(90, 160, (count, SIDE, SIDE, 3))
    classes = random.integers(0, 2, count)
    for picture, red in zip(pictures, classes, strict=True):
        for number, (row, column) in enumerate(random.integers(0, SIDE - 8, (2, 2))):
            picture[row : row + 8, column : column + 8] = (230, 40, 40) if number == red else (40, 40, 230)
            picture[row : row + 8, column : column + 8] //= 1 + number
    return pictures.astype(np.uint8), classes


@pytest.fixture(scope="module")
def model() -> Any:
    """A small network that is trained until it is right of nearly all pictures."""
    keras.utils.set_random_seed(3)
    parts = [
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(8, 3, padding="same", activation="relu", name="first"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, padding="same", activation="relu", name="second"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, padding="same", activation="relu", name="last"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, name="scores"),
        layers.Softmax(),
    ]
    network = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *parts], name="small")
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    pictures, classes = drawn(512, seed=1)
    found = network.fit(pictures.astype(np.float32), classes, batch_size=32, epochs=8, verbose=0)
    assert found.history["accuracy"][-1] > 0.9
    return network


@pytest.fixture
def pictures() -> np.ndarray:
    return drawn(12, seed=2)[0]


def edges(pictures: Any, gradients: Any) -> Any:
    """An edge detector in the place of a saliency method: it does not look at the gradients."""
    grey = ops.mean(pictures, axis=-1)
    rows, columns = ops.abs(grey[:, 1:, 1:] - grey[:, :-1, 1:]), ops.abs(grey[:, 1:, 1:] - grey[:, 1:, :-1])
    return rows + columns


def table_of(found: list[Compared], count: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            SanityRow(each.method, each.stage.number, each.stage.layers, each.stage.layer, f"p{row}", *values)
            for each in found
            for row, values in enumerate(zip(each.rank_correlation, each.ssim, strict=True))
        ]
    )


def test_an_edge_detector_is_flagged_and_grad_cam_is_not(model: Any, pictures: np.ndarray) -> None:
    methods = {"gradcam": Method(grad_cam, LAYER, "last"), "edges": Method(edges, PICTURES)}
    found = compared_maps(KerasClassifier(model), [Asked(methods)], pictures, stages=2, seed=5)
    table = sanity_statistics("small", table_of(found, len(pictures)), {}, seed=1)
    flags = table.dropna(subset=["flag"]).set_index("method")["flag"].to_dict()
    assert flags == {"gradcam": CHANGES, "edges": HARDLY_CHANGES}
    of_edges = table[table["method"] == "edges"]
    for name in ("rank_correlation", "ssim"):
        assert (of_edges[[name, f"{name}_low", f"{name}_high"]] == 1).all(None)  # to the last bit
    assert (of_edges["n"] == len(pictures)).all() and of_edges["layers_randomised"].tolist() == [2, 4]


def test_the_same_weights_loaded_again_give_the_same_maps(model: Any, pictures: np.ndarray, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    methods = {"gradcam": Method(grad_cam, LAYER, "last"), "gradient": of_registry("gradient", PICTURES)}

    def maps() -> list[dict[str, Any]]:
        loaded = load_classifier(tmp_path / "model.keras")
        return list(explained_batches(loaded, methods, pictures, batch_size=1))

    for one, other in zip(maps(), maps(), strict=True):
        for name in methods:
            assert similarity(one[name].raw, other[name].raw) == (1.0, 1.0)


def of_registry(name: str, takes: str, layer: str | None = None, **options: Any) -> Method:
    kind = kinds_of(METHOD)[name]
    own = {**own_options(kind, {}), **options}
    negative = own.pop("negative", None)
    return Method(named_function(kind.compute), takes, layer, own, negative)


def test_every_method_of_the_registry_is_compared(model: Any, pictures: np.ndarray) -> None:
    few = {"smoothgrad": {"samples": 2}, "integrated_gradients": {"steps": 2}, "xrai": {"steps": 2}}
    few |= {"rise": {"masks": 8}}
    kinds = kinds_of(METHOD)
    formulas, networks = {}, {}
    for name, kind in kinds.items():
        layer = "last" if "layer" in kind.options else None
        (networks if kind.takes == NETWORK else formulas)[name] = of_registry(
            name, kind.takes, layer, **few.get(name, {})
        )
    asked = [Asked(formulas), *(Asked({name: method}) for name, method in networks.items())]
    found = compared_maps(KerasClassifier(model), asked, pictures[:2], stages=1)
    assert [each.method for each in found] == [*formulas, *networks] and set(formulas) | set(networks) == set(kinds)
    for each in found:
        assert each.stage.layers == each.stage.of == 4
        defined = ~np.isnan(each.rank_correlation)
        assert (np.abs(each.rank_correlation[defined]) < 1).all() and (defined == ~np.isnan(each.ssim)).all()


def test_maps_are_those_before_and_after_for_one_class_and_each_picture_has_its_own_draw(
    model: Any, pictures: np.ndarray
) -> None:
    twice = np.concatenate([pictures[:3], pictures[:1]])
    method = {"gradcam": Method(grad_cam, LAYER, "last")}
    classifier = KerasClassifier(model)
    given = model.get_weights()
    found = compared_maps(classifier, [Asked(method)], twice, stages=2, seed=8)
    for one, other in zip(given, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    (before,) = explained_batches(classifier, method, twice)
    for row in range(len(twice)):
        seed = int(np.random.SeedSequence([8, row]).generate_state(1)[0])
        for each, stage in zip(found, randomised(classifier, twice, stages=2, seed=seed), strict=True):
            target = before["gradcam"].predicted[[row]]  # of the trained classifier, whatever this one predicts
            (after,) = explained_batches(classifier, method, twice[[row]], target=target)
            expected = similarity(before["gradcam"].raw[[row]], after["gradcam"].raw)
            assert stage == each.stage
            np.testing.assert_allclose((each.rank_correlation[row], each.ssim[row]), expected, atol=2e-3)
        model.set_weights(given)
    last = found[-1].rank_correlation
    assert last[0] != last[3] or np.isnan(last[[0, 3]]).any()


def test_what_a_method_is_asked_is_the_same_before_and_after(model: Any, pictures: np.ndarray) -> None:
    calls: list[tuple[int, float, bytes]] = []

    def recording(network: Any, picture: np.ndarray, target: int, random: np.random.Generator) -> np.ndarray:
        calls.append((target, random.random(), picture.tobytes()))
        return np.zeros((4, 4), np.float32)

    (found,) = compared_maps(
        KerasClassifier(model),
        [Asked({"recording": Method(recording, NETWORK)}, target=[1, 0])],
        pictures[:2],
        stages=1,
    )
    assert [target for target, *_ in calls] == [1, 1, 0, 0]
    assert calls[0] == calls[1] and calls[2] == calls[3] and len({drawn for _, drawn, _ in calls}) == 1
    assert np.isnan(found.rank_correlation).all() and np.isnan(found.ssim).all()  # constant maps are like none


def test_a_network_with_normalizations_is_compared_on_the_sample(pictures: np.ndarray) -> None:
    keras.utils.set_random_seed(1)
    end = [layers.GlobalAveragePooling2D(), layers.Dense(3)]
    network = keras.Sequential([keras.Input((SIDE, SIDE, 3)), residual_stack((SIDE, SIDE, 3)), *end])
    methods = {
        "hirescam": of_registry("hirescam", LAYER, "last_convolution"),
        "gradient": of_registry("gradient", PICTURES),
    }
    (coarse, one), (_, other) = (
        compared_maps(as_classifier(network), [Asked(methods)], pictures[:count], stages=1) for count in (3, 4)
    )
    assert np.isnan(coarse.ssim).all() and not np.isnan(coarse.rank_correlation).any()  # 2 x 2 cells
    assert (one.rank_correlation != other.rank_correlation[:3]).all()  # normalizations are measured on other pictures


def test_rows_are_by_method_stage_and_picture(
    model: Any,
    pictures: np.ndarray,
    tmp_path: Path,
    zipped: Callable[..., Path],
    encoded: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits: list[int] = []
    monkeypatch.setattr(sanity, "limit_threads", limits.append)  # TensorFlow has computed already
    model.save(tmp_path / "model.keras")
    names = ["c", "a,b"]
    archive = zipped(
        tmp_path / "pictures.zip",
        {f"{name}.png": encoded(picture) for name, picture in zip(names, pictures, strict=False)},
    )
    inputs = Inputs(
        images=names,
        seed=4,
        threads=3,
        classifier=str(tmp_path / "model.keras"),
        settings={"input_size": SIDE, "logits": "scores", "layers": {"the last": "last"}},
        classes=["NV", "MEL"],
        pictures=str(archive),
    )
    cam = {"takes": LAYER, "layer": "the last", "options": {}, "negative": None}
    jobs = [
        {
            "methods": {"hirescam": {**cam, "compute": "saliency.hirescam:hires_cam"}},
            "asked": {"target": ["MEL", "NV"], "score": "after_softmax", "batch_size": 32},
        },
        {
            "methods": {"gradcam": {**cam, "compute": "saliency.gradcam:grad_cam"}},
            "asked": {"target": "predicted", "score": "before_softmax", "batch_size": 32},
        },
    ]
    rows = sanity_rows(jobs, inputs, stages=2)
    assert limits == [3]
    assert [row[:5] for row in rows] == [
        (method, stage, layers_randomised, layer, image)
        for method in ("hirescam", "gradcam")
        for stage, layers_randomised, layer in ((1, 2, "last"), (2, 4, "first"))
        for image in names
    ]
    hires_cam = Asked({"hirescam": of_registry("hirescam", LAYER, "last")}, [1, 0], "after_softmax")
    expected = compared_maps(as_classifier(model), [hires_cam], pictures[:2], stages=2, seed=4)
    np.testing.assert_allclose(
        [row.rank_correlation for row in rows[:4]], np.concatenate([each.rank_correlation for each in expected])
    )
    write_sanity(tmp_path / "small.csv", rows)
    table = read_sanity(tmp_path / "small.csv")
    assert tuple(table.columns) == COLUMNS
    pd.testing.assert_frame_equal(table, pd.DataFrame(rows), check_dtype=False, check_exact=True)


def test_undefined_similarities_are_empty(tmp_path: Path) -> None:
    rows = [SanityRow("gradcam", 1, 2, "1e5", "NA", np.nan, np.nan), SanityRow("gradcam", 1, 2, "1e5", "b", 0.1, 1 / 3)]
    write_sanity(tmp_path / "model.csv", rows)
    assert (tmp_path / "model.csv").read_text(encoding="utf-8").splitlines() == [
        "method,stage,layers_randomised,layer,image,rank_correlation,ssim",
        "gradcam,1,2,1e5,NA,,",
        f"gradcam,1,2,1e5,b,0.1,{1 / 3!r}",
    ]
    table = read_sanity(tmp_path / "model.csv")
    assert table["layer"].tolist() == ["1e5", "1e5"] and table["image"].tolist() == ["NA", "b"]
    assert table["ssim"].isna().tolist() == [True, False]
