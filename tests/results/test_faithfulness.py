"""Mean areas of faithfulness, paired differences to controls, their intervals, and how their table reads."""

import numpy as np
import pandas as pd
import pytest
from dermalign.results.faithfulness import COLUMNS, extended_faithfulness, faithfulness_statistics
from dermalign.results.formats import latex, readable
from dermalign.results.intervals import clusters_of, mean_intervals
from dermalign.results.statistics import read_statistics

KINDS = {
    "plain/gradcam": "method",
    "plain/few": "method",
    "plain/tiled": "variant",
    "plain/shuffled": "chance",
    "controls/center_gaussian": "prior",
    "ceiling/16x16": "ceiling",
    "plain/none": "method",
}
METHODS = ["plain/gradcam", "plain/few", "plain/tiled", "plain/none"]
CONTROLS = ["plain/shuffled", "controls/center_gaussian"]
IMAGES = [f"i{n:02}" for n in range(20)]
LESIONS = {image: f"lesion {number // 3}" for number, image in enumerate(IMAGES[:15])}
SEED = 3
PICTURES = ("whole", "black", "blurred")
ENDS = dict(zip(IMAGES, np.random.default_rng(1).random((20, 3)).tolist(), strict=True))


@pytest.fixture
def measured() -> pd.DataFrame:
    """Areas of all sources on 20 pictures, but of `few` on every second and of `none` on none."""
    random = np.random.default_rng(8)
    rows = []
    for source in KINDS:
        images = {"plain/few": IMAGES[::2], "plain/none": []}.get(source, IMAGES)
        order = random.permutation(images)  # pictures are told by their names
        rows += [(*source.split("/"), str(image), *random.random(2), *ENDS[image]) for image in order]
    return pd.DataFrame(rows, columns=["source_model", "method", "image", "deletion", "insertion", *PICTURES])


@pytest.fixture
def statistics(measured: pd.DataFrame) -> pd.DataFrame:
    return faithfulness_statistics(measured, "plain", KINDS, METHODS, CONTROLS, LESIONS, SEED)


def areas_of(measured: pd.DataFrame, source: str, area: str) -> dict[str, float]:
    first, second = source.split("/")
    rows = measured[(measured["source_model"] == first) & (measured["method"] == second)]
    return dict(zip(rows["image"], rows[area], strict=True))


def test_means_and_differences_are_of_the_pictures_that_both_have(
    measured: pd.DataFrame, statistics: pd.DataFrame
) -> None:
    assert list(statistics.columns) == list(COLUMNS)
    names = [source.removeprefix("plain/") for source in KINDS]
    short = dict(zip(names, KINDS, strict=True))
    controls = [name for name, source in short.items() if source in CONTROLS]
    pairs = [(name, control) for name in names if short[name] in METHODS for control in controls]
    found = list(zip(statistics["method"], statistics["control"], strict=True))
    assert found == [*((f"{end} picture", "") for end in PICTURES), *((name, "") for name in names), *pairs]
    for row in statistics.iloc[3:].to_dict("records"):
        source, control = short[row["method"]], short.get(row["control"])
        assert row["model"] == "plain" and row["kind"] == KINDS[control or source]
        for area in ("deletion", "insertion"):
            own = areas_of(measured, source, area)
            if control:
                other = areas_of(measured, control, area)
                own = {image: own[image] - other[image] for image in own}
            assert row["n"] == len(own)
            images = sorted(own)
            values = np.array([own[image] for image in images])
            bounds = [row[f"{area}_{of}"] for of in ("mean", "low", "high")]
            if not images:
                assert np.isnan(bounds).all()
                continue
            expected = mean_intervals(values[np.newaxis], clusters_of(images, LESIONS), SEED)[0]
            assert bounds[0] == pytest.approx(values.mean(), rel=1e-12)
            np.testing.assert_allclose(bounds[1:], expected, atol=1e-9)
            assert bounds[1] < bounds[0] < bounds[2]


def test_areas_lie_between_those_of_the_picture_whole_and_black_or_blurred(statistics: pd.DataFrame) -> None:
    whole, black, blurred = statistics.iloc[:3].to_dict("records")
    for row, place, areas in (
        (whole, 0, ("deletion", "insertion")),
        (black, 1, ("deletion",)),
        (blurred, 2, ("insertion",)),
    ):
        assert (row["kind"], row["n"]) == ("picture", 20)
        values = np.array([ENDS[image][place] for image in IMAGES])
        bounds = mean_intervals(values[np.newaxis], clusters_of(IMAGES, LESIONS), SEED)[0]
        for area in areas:
            found = [row[f"{area}_{of}"] for of in ("mean", "low", "high")]
            np.testing.assert_allclose(found, [values.mean(), *bounds], atol=1e-9)
    assert np.isnan(black["insertion_mean"]) and np.isnan(blurred["deletion_high"])


def test_lesions_make_the_intervals(measured: pd.DataFrame, statistics: pd.DataFrame) -> None:
    by_picture = faithfulness_statistics(measured, "plain", KINDS, METHODS, CONTROLS, {}, SEED)
    np.testing.assert_array_equal(statistics["deletion_mean"], by_picture["deletion_mean"])
    some = statistics["n"] > 0
    assert (statistics[some]["deletion_low"] != by_picture[some]["deletion_low"]).all()


def test_a_map_that_equals_its_control_has_no_difference(measured: pd.DataFrame) -> None:
    same = measured[measured["method"] == "gradcam"].assign(method="shuffled")
    table = faithfulness_statistics(
        pd.concat([measured[measured["method"] == "gradcam"], same]),
        *("plain", {"plain/gradcam": "method", "plain/shuffled": "chance"}, ["plain/gradcam"], ["plain/shuffled"]),
        *(LESIONS, SEED),
    )
    assert (table.iloc[-1][[name for name in COLUMNS if name.startswith(("deletion", "insertion"))]] == 0).all()


def test_the_table_has_areas_first_and_then_each_method_minus_controls(
    statistics: pd.DataFrame, tmp_path: object
) -> None:
    path = f"{tmp_path}/faithfulness.csv"
    pd.concat([statistics, statistics.assign(model="residual")]).to_csv(path, index=False)
    table = extended_faithfulness(read_statistics(path))
    text = readable(table, ["model", "part"])
    assert text.heads == [
        *("method", "kind", "pictures", "deletion area (95 % interval)", "insertion area (95 % interval)")
    ]
    parts = ["areas", "Grad-CAM minus control", "few minus control", "tiled minus control", "none minus control"]
    assert [title for title, _ in text.blocks] == [f"{m}, {part}" for m in ("plain", "residual") for part in parts]
    areas, differences = text.blocks[0][1], text.blocks[1][1]
    assert [row[:3] for row in areas] == [
        *([f"{end} picture", "picture", "20"] for end in PICTURES),
        ["Grad-CAM", "method", "20"],
        ["few", "method", "10"],
        ["tiled", "variant", "20"],
        ["shuffled", "chance", "20"],
        ["controls/centred Gaussian", "prior", "20"],
        ["ceiling/16x16", "ceiling", "20"],
        ["none", "method", "0"],
    ]
    assert [row[:3] for row in differences] == [
        ["shuffled", "chance", "20"],
        ["controls/centred Gaussian", "prior", "20"],
    ]
    first = statistics.iloc[3]
    assert areas[3][3] == f"{first.deletion_mean:.3f} ({first.deletion_low:.3f} to {first.deletion_high:.3f})"
    assert areas[-1][3:] == ["-", "-"] and areas[1][4] == areas[2][3] == "-"
    assert "ceiling/16x16" in latex(text, "caption", "extended_faithfulness")
