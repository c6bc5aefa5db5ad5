"""Jaccard shards: what is written is read again, and shards of different runs are not taken for one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from dermalign.overlap.shards import read_shards, shard_text
from hypothesis import given
from hypothesis import strategies as st


def write_shard(path: Path, rows: Mapping[str, tuple[int, int]]) -> Path:
    """Write a shard, {image: (intersection, union)}."""
    counts = np.array(list(rows.values()), dtype=np.int64).reshape(-1, 2)
    path.write_text(shard_text(list(rows), counts[:, 0], counts[:, 1]))
    return path


def test_shards_of_different_runs_are_refused(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "0.000.csv", {"a": (1, 2), "b": (1, 3)})
    for rows in ({"a": (1, 2)}, {"b": (1, 3), "a": (1, 2)}, {"a": (1, 2), "c": (1, 3)}, {}):
        other = write_shard(tmp_path / "0.100.csv", rows)
        with pytest.raises(ValueError, match=r"0\.100\.csv is not of the pictures"):
            read_shards({"0.000": first, "0.100": other})
        with pytest.raises(ValueError, match="is not of the pictures"):
            read_shards({"0.000": other, "0.100": first})


@pytest.mark.parametrize("counts", ["3,2", "-1,2", "0,0"])
def test_counts_that_no_mask_can_have_are_refused(tmp_path: Path, counts: str) -> None:
    first = write_shard(tmp_path / "0.000.csv", {"a": (1, 2), "b": (1, 3)})
    impossible = tmp_path / "0.100.csv"
    impossible.write_text(f"image,intersection,union,jaccard\na,1,2,0.5\nb,{counts},0.5\n")
    with pytest.raises(ValueError, match="counts that no mask can have"):
        read_shards({"0.000": first, "0.100": impossible})


def test_names_that_look_like_missing_values_are_names(tmp_path: Path) -> None:
    names = ["NA", "None", "nan", "null", "1e5", "007"]
    path = write_shard(tmp_path / "0.000.csv", dict.fromkeys(names, (1, 2)))
    assert read_shards({"0.000": path}).images == names


@given(counts=st.lists(st.tuples(st.integers(0, 10**8), st.integers(1, 10**8)), min_size=1, max_size=20))
def test_the_index_is_read_as_it_was_computed(counts: list[tuple[int, int]]) -> None:
    intersection, more = np.array(counts, dtype=np.int64).T
    text = shard_text([f"p{row}" for row in range(len(counts))], intersection, intersection + more)
    read = [float(line.rpartition(",")[2]) for line in text.splitlines()[1:]]
    assert read == (intersection / (intersection + more)).tolist()


def test_several_draws_of_a_picture_count_as_their_mean(tmp_path: Path) -> None:
    shard = tmp_path / "0.500.csv"
    shard.write_text(
        "image,intersection,union,jaccard\na,1,2,0.5\na,1,4,0.25\na,0,3,0.0\nb,3,3,1.0\nb,1,2,0.5\nb,0,1,0.0\n"
    )
    shards = read_shards({"0.500": shard})
    assert shards.images == ["a", "b"]
    np.testing.assert_allclose(shards.jaccard, [[0.25, 0.5]])
