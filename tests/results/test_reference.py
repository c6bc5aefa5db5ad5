"""Shares of the upper reference, and the two aggregations, against loops over pictures and resamples."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.overlap.shards import Shards
from dermalign.results.challenge import MICRO_AVERAGE
from dermalign.results.formats import readable
from dermalign.results.intervals import resampled_lesions
from dermalign.results.plotting import save
from dermalign.results.reference import extended_challenge, extended_reference, reference_shares
from dermalign.results.reference_figure import reference_figure
from matplotlib.figure import Figure
from PIL import Image

THRESHOLDS = ["0.000", "0.500", "1.000"]
SEED = 11
LESIONS = {"p1": "a", "p2": "a", "p5": "b", "p6": "b"}


def drawn_shards(seed: int, count: int) -> Shards:
    random = np.random.default_rng(seed)
    union = random.integers(50, 100, (len(THRESHOLDS), count))
    intersection = (union * random.random(union.shape)).astype(np.int64)
    images = [f"p{number}" for number in range(count)]
    return Shards(images, THRESHOLDS, intersection, union, list(range(count)))


def test_a_share_is_the_ratio_of_means_each_at_its_own_best_threshold() -> None:
    own, reference = drawn_shards(1, 8), drawn_shards(2, 8)
    table = reference_shares("m", "cam", {"union": own}, "unet/segmentation", {"union": reference}, LESIONS, SEED)
    (row,) = table.to_dict("records")
    first, second = ((each.intersection / each.union).mean(axis=1) for each in (own, reference))
    assert row["threshold"] == THRESHOLDS[int(first.argmax())]
    assert row["reference_threshold"] == THRESHOLDS[int(second.argmax())]
    assert (row["n"], row["reference"]) == (8, "unet/segmentation")
    assert row["j_mean"] == pytest.approx(first.max()) and row["reference_j_mean"] == pytest.approx(second.max())
    assert row["share"] == pytest.approx(first.max() / second.max())
    clusters = [0, 1, 1, 2, 3, 4, 4, 5]
    times = np.concatenate(list(resampled_lesions(6, SEED)))[:, clusters].astype(float)
    best = []
    for each in (own, reference):
        means = [times @ jaccard / times.sum(axis=1) for jaccard in each.intersection / each.union]
        best.append(np.max(means, axis=0))
    expected = np.quantile(best[0] / best[1], shares(clusters))
    assert [row["low"], row["high"]] == pytest.approx(expected.tolist(), abs=1e-9)


def test_a_source_of_a_sample_is_compared_on_its_own_pictures() -> None:
    reference = drawn_shards(2, 8)
    own = drawn_shards(1, 8).among(["p1", "p3", "p4"])
    (row,) = reference_shares("m", "rise", {"union": own}, "u/s", {"union": reference}, {}, SEED).to_dict("records")
    kept = reference.among(["p1", "p3", "p4"])
    assert row["n"] == 3
    assert row["reference_j_mean"] == pytest.approx((kept.intersection / kept.union).mean(axis=1).max())


def test_what_cannot_be_told_is_empty() -> None:
    nothing = Shards([], THRESHOLDS, np.zeros((3, 0), np.int64), np.zeros((3, 0), np.int64), [])
    black = Shards(["p0", "p1"], THRESHOLDS, np.zeros((3, 2), np.int64), np.ones((3, 2), np.int64), [0, 1])
    own = drawn_shards(1, 2)
    table = reference_shares(
        "m", "cam", {"streaks": nothing, "union": own}, "u/s", {"streaks": nothing, "union": black}, {}, SEED
    )
    assert table["n"].tolist() == [0, 2]
    assert table["share"].isna().all() and table["low"].isna().all()
    assert table["reference_j_mean"].tolist()[1] == 0


def test_the_table_has_references_and_features_together() -> None:
    own = {"streaks": drawn_shards(1, 5), "union": drawn_shards(2, 5)}
    parts = [
        reference_shares(
            model, "cam", own, reference, {"streaks": drawn_shards(3, 5), "union": drawn_shards(4, 5)}, {}, 1
        )
        for model in ("a", "b")
        for reference in ("u/s", "v/s")
    ]
    table = extended_reference(pd.concat(parts))
    assert table[["reference", "feature", "model"]].to_numpy().tolist() == [
        [reference, feature, model]
        for reference in ("u/s", "v/s")
        for feature in ("streaks", "union")
        for model in "ab"
    ]
    heads = readable(table, ["reference", "feature"]).heads
    assert "share (95 % interval)" in heads and "J mean, reference" in heads


def challenge_rows(model: str, method: str, values: dict[str, tuple[int, float, float]]) -> list[dict[str, object]]:
    return [
        {
            "model": model,
            "method": method,
            "feature": feature,
            "threshold": "0.300" if feature != MICRO_AVERAGE else None,
        }
        | {"n": n, "jaccard_population": shown, "dice_population": 0.5, "n_all": 9, "jaccard": everything}
        | {"low": everything - 0.1, "high": everything + 0.1, "dice": 0.4}
        for feature, (n, shown, everything) in values.items()
    ]


def test_the_two_aggregations_stand_beside_each_other_and_published_ones_with_theirs() -> None:
    of_model = {"globules": (2, 0.3, 0.2), "streaks": (6, 0.5, 0.4), MICRO_AVERAGE: (8, 0.45, 0.35)}
    challenge = pd.DataFrame([*challenge_rows("m", "cam", of_model), *challenge_rows("u", "seg", of_model)])
    best = pd.DataFrame(
        [
            {"model": model, "method": method, "feature": feature, "threshold": "0.300", "n": n, "j_mean": j}
            | {"j_ratio_of_sums": j + 0.01}
            for model, method in (("m", "cam"), ("u", "seg"), ("m", "chance"))
            for feature, n, j in (("globules", 2, 0.1), ("streaks", 6, 0.3), ("union", 7, 0.6))
        ]
    )
    table = extended_challenge(challenge, best, {"first of ISIC 2018": 0.307})
    assert table[["feature", "model"]].to_numpy().tolist() == [
        *(["globules", model] for model in "mu"),
        *(["streaks", model] for model in "mu"),
        *([MICRO_AVERAGE, model] for model in ("m", "u", "first of ISIC 2018")),
        *(["union", model] for model in "mu"),
    ]
    together = table[table["feature"] == MICRO_AVERAGE].reset_index(drop=True)
    # Over masks, two with 0.1 and six with 0.3.
    assert together.loc[0, "j_mean"] == pytest.approx((2 * 0.1 + 6 * 0.3) / 8)
    assert together.loc[0, "all_value"] == 0.35 and together.loc[2, "all_value"] == 0.307
    assert together.loc[2, ["n_shown", "j_mean", "all_low"]].isna().all()
    union = table[table["feature"] == "union"]
    assert union["all_value"].isna().all() and union["shown_value"].tolist() == pytest.approx([0.61, 0.61])
    text = readable(table, ["feature"])
    assert "0.350 (0.250 to 0.450)" in text.blocks[2][1][0]
    assert [title for title, _ in text.blocks] == ["globules", "streaks", "all features together", "union"]


def test_without_masks_of_a_feature_there_is_no_mean_over_them() -> None:
    challenge = pd.DataFrame(challenge_rows("m", "cam", {MICRO_AVERAGE: (0, 1.0, 1.0)}))
    best = pd.DataFrame(
        [{"model": "m", "method": "cam", "feature": "union", "threshold": None, "n": 0, "j_mean": np.nan}]
    ).assign(j_ratio_of_sums=np.nan)
    table = extended_challenge(challenge, best, {})
    assert table.loc[0, "j_mean"] != table.loc[0, "j_mean"]


@pytest.mark.parametrize("features", [["streaks", "union"], ["union"], [*"abcdefg", "union"]])
def test_the_figure_has_a_panel_per_feature_and_a_row_per_source(features: list[str], tmp_path: object) -> None:
    sources = ["u/seg", "m/cam", "controls/mean_mask", "ceiling/8x8"]
    best = pd.DataFrame(
        [
            dict(zip(("model", "method"), path.split("/"), strict=True))
            | {"feature": feature, "n": 5, "j_mean": 0.1 * (1 + row), "j_low": 0.05, "j_high": 0.6}
            for row, path in enumerate(sources)
            for feature in features
        ]
    )
    named = best[["model", "method", "feature"]].assign(reference="u/seg", share=0.5)
    kinds = {"segmentation network": sources[:1], "classifier": sources[1:2], "control": sources[2:3], "ceiling": []}
    figure = reference_figure(best, named[named["model"] != "u"], features, kinds)
    assert isinstance(figure, Figure)
    panels = [axis for axis in figure.axes if axis.get_visible()]
    assert len(panels) == len(features) and "union" in panels[0].get_title()
    for axis in panels:
        assert [text.get_text() for text in axis.texts] == ["50%", "50%"]
        assert [label.get_text() for label in panels[0].get_yticklabels()] == ["u/seg", "m/cam", "controls/mean mask"]
    paths = [f"{tmp_path}/a.png", f"{tmp_path}/a.svg"]
    save(figure, paths)
    assert Image.open(paths[0]).size[0] > 500


def test_the_marks_of_a_panel_are_above_each_other() -> None:
    best = pd.DataFrame(
        [("u", "seg", 0.5), ("m", "cam", 0.2), ("n", "cam", 0.3)], columns=["model", "method", "j_mean"]
    ).assign(feature="union", n=3, j_low=0.1, j_high=0.7)
    empty = pd.DataFrame(columns=["model", "method", "feature", "reference", "share"])
    (axis,) = (
        axis
        for axis in reference_figure(best, empty, ["union"], {"network": ["u/seg"], "model": ["m/cam", "n/cam"]}).axes
        if axis.get_visible()
    )
    places = sorted(y for line in axis.lines if line.get_linestyle() == "None" for y in line.get_ydata())
    assert all(later - earlier == 1 for earlier, later in pairwise(places)) and len(places) == 3
