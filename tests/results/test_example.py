"""The example is the configured picture, or the one nearest the mean."""

from pathlib import Path

import numpy as np
from dermalign.overlap.shards import Shards
from dermalign.results.example import choose_example, read_example, write_example


def shards(*rows: list[int]) -> Shards:
    """Pictures `a`, `b`, ... of a thousand pixels, a row of intersections per threshold."""
    images = [chr(97 + number) for number in range(len(rows[0]))]
    thresholds = [f"0.{number}00" for number in range(len(rows))]
    return Shards(images, thresholds, np.array(rows), np.full((len(rows), len(images)), 1000), np.arange(len(images)))


def test_the_configured_picture_is_taken_where_it_is_analysed() -> None:
    union = shards([100, 200, 900])
    assert choose_example(union, "c")[0] == "c"
    assert choose_example(union, "z")[0] == choose_example(union, None)[0] == "b"


def test_else_the_nearest_to_the_mean_at_the_best_threshold_the_first_on_a_tie() -> None:
    # At the first threshold b is nearest; the second one's mean is higher, and there d is.
    union = shards([10, 20, 90, 70], [100, 900, 0, 480])
    assert choose_example(union, None) == ("d", "its J at threshold 0.100 is nearest the mean")
    assert choose_example(shards([100, 300, 100, 300]), None)[0] == "a"


def test_an_analysis_without_pictures_has_none(tmp_path: Path) -> None:
    empty = Shards([], ["0.000"], np.empty((1, 0), int), np.empty((1, 0), int), np.empty(0, int))
    image, reason = choose_example(empty, "a")
    assert (image, reason) == ("", "no picture is in the analysis")
    write_example(tmp_path / "example.csv", image, reason)
    assert read_example(tmp_path / "example.csv") == ""


def test_names_that_look_like_missing_values_are_names(tmp_path: Path) -> None:
    write_example(tmp_path / "example.csv", "NA", "as configured")
    assert read_example(tmp_path / "example.csv") == "NA"
