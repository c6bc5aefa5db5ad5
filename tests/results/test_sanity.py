"""Means of the sanity check: over which pictures, what flags a method, and the table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.results.formats import latex, readable, write_table
from dermalign.results.intervals import clusters_of, mean_intervals
from dermalign.results.sanity import (
    CHANGES,
    HARDLY_CHANGES,
    UNDECIDED,
    extended_sanity,
    read_sanity_statistics,
    sanity_statistics,
    sentence,
)

IMAGES = [f"i{n:02}" for n in range(20)]
LESIONS = {f"i{n:02}": f"lesion {n // 2}" for n in range(16)}
CENTRES = {"alike": 0.8, "unlike": 0.1, "between": 0.5}


@pytest.fixture
def compared() -> pd.DataFrame:
    """Three methods in two stages; of the last two pictures the maps of `unlike` are constant in the last one."""
    random = np.random.default_rng(5)
    rows = [
        {
            **{"method": method, "stage": stage, "layers_randomised": 3 * stage - 1, "layer": f"layer {3 - stage}"},
            **{"image": image, "rank_correlation": random.normal(centre, 0.2), "ssim": random.normal(centre / 2, 0.1)},
        }
        for method, centre in CENTRES.items()
        for stage in (1, 2)
        for image in IMAGES
    ]
    table = pd.DataFrame(rows)
    degenerate = (table["method"] == "unlike") & (table["stage"] == 2) & table["image"].isin(IMAGES[-2:])
    table.loc[degenerate, ["rank_correlation", "ssim"]] = np.nan
    return table


def test_means_are_over_the_pictures_with_two_maps_that_vary(compared: pd.DataFrame) -> None:
    table = sanity_statistics("small", compared, LESIONS, seed=3)
    assert list(zip(table["method"], table["stage"], strict=True)) == [(m, s) for m in CENTRES for s in (1, 2)]
    for row in table.to_dict("records"):
        pictures = compared[(compared["method"] == row["method"]) & (compared["stage"] == row["stage"])].dropna()
        missing = 2 if (row["method"], row["stage"]) == ("unlike", 2) else 0
        assert (row["model"], row["n"], row["degenerate"]) == ("small", 20 - missing, missing)
        assert (row["layers_randomised"], row["layers"]) == (3 * row["stage"] - 1, 5)
        assert row["layer"] == f"layer {3 - row['stage']}"
        for name in ("rank_correlation", "ssim"):
            values = pictures[name].to_numpy()
            (bounds,) = mean_intervals(values[None], clusters_of(pictures["image"].tolist(), LESIONS), seed=3)
            found = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
            np.testing.assert_allclose(found, [values.mean(), *bounds], rtol=1e-9)
    by_picture = sanity_statistics("small", compared, {}, seed=3)
    assert (by_picture["rank_correlation_low"] != table["rank_correlation_low"]).all()


def test_what_flags_a_method_is_the_interval_with_all_layers_randomised(compared: pd.DataFrame) -> None:
    table = sanity_statistics("small", compared, LESIONS, seed=3)
    last = table[table["layers_randomised"] == table["layers"]].set_index("method")["flag"].to_dict()
    assert last == {"alike": HARDLY_CHANGES, "unlike": CHANGES, "between": UNDECIDED}
    assert table.loc[table["stage"] == 1, "flag"].isna().all()
    words = sentence(table)
    assert "hardly changes: small/alike" in words and "changes: small/unlike;" in words
    # One picture alone has no interval; without any there is nothing to say.
    for count in (0, 1):
        few = compared.assign(
            rank_correlation=compared["rank_correlation"].where(compared["image"].isin(IMAGES[:count]))
        )
        flags = sanity_statistics("small", few, {}, seed=3)
        assert set(flags["flag"].dropna()) == {UNDECIDED}
        assert (flags["n"] == count).all() and flags["rank_correlation_low"].isna().all()


def test_it_is_read_as_it_is_written(compared: pd.DataFrame, tmp_path: Path) -> None:
    compared.loc[compared["method"] == "between", "ssim"] = np.nan  # of 2 x 2 cells
    table = sanity_statistics("1e5", compared.assign(method=compared["method"].replace("alike", "NA")), {}, seed=3)
    table.to_csv(tmp_path / "sanity.csv", index=False)
    again = read_sanity_statistics(tmp_path / "sanity.csv")
    pd.testing.assert_frame_equal(again, table, check_dtype=False)
    assert again["model"].tolist() == ["1e5"] * 6 and again["method"].iloc[0] == "NA"
    assert again["flag"].isna().sum() == 3


def test_the_table_says_how_many_layers_of_how_many(compared: pd.DataFrame, tmp_path: Path) -> None:
    statistics = sanity_statistics("small", compared, LESIONS, seed=3)
    table = extended_sanity(statistics)
    assert table["layers_randomised"].tolist() == ["2 of 5", "5 of 5"] * 3
    text = readable(table, ["model", "method"])
    assert text.heads == [
        *("layers randomised", "pictures", "constant maps"),
        *("rank correlation (95 % interval)", "SSIM (95 % interval)", "all layers random"),
    ]
    assert text.blocks[0][0] == "small, alike"
    assert text.blocks[0][1][0][-1] == "-" and text.blocks[0][1][1][-1] == "hardly changes"
    low, high = statistics.loc[1, ["rank_correlation_low", "rank_correlation_high"]]
    assert f"({low:.3f} to {high:.3f})" in text.blocks[0][1][1][3]
    assert "tabular" in latex(text, "caption", "extended_sanity")
    write_table(table, "caption", [tmp_path / "extended_sanity.csv"], ["model", "method"])
    assert pd.read_csv(tmp_path / "extended_sanity.csv")["flag"].tolist()[1] == "hardly changes"
