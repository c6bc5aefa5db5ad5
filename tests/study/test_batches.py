"""Into which jobs work is dealt: batches that a new picture hardly changes, blocks that no threshold ever leaves."""

import itertools
import json
import re
from pathlib import Path

import pytest
from dermalign.errors import InputError
from dermalign.study.batches import batches, fixed_sample, name_hash, remember_blocks, shard_blocks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = st.sets(st.integers(0, 9999).map("ISIC_{:07d}".format), max_size=60)
GRIDS = st.sets(st.integers(0, 20).map(lambda twentieth: f"{twentieth / 20:.3f}"), min_size=1).map(sorted)

# Batches


@given(NAMES, st.integers(1, 50))
def test_batches_hold_every_picture_once_in_order(images: set[str], count: int) -> None:
    dealt = batches(sorted(images), count)
    assert sorted(itertools.chain(*dealt.values())) == sorted(images)
    assert all(batch == sorted(batch) and batch for batch in dealt.values())
    assert list(dealt) == sorted(dealt)
    assert all(re.fullmatch("[0-9]{5}", name) and int(name) < count for name in dealt)


@given(NAMES, st.integers(1, 50))
def test_a_new_picture_changes_its_own_batch_only(images: set[str], count: int) -> None:
    before, after = batches(sorted(images), count), batches(sorted({*images, "ISIC_new"}), count)
    (changed,) = [name for name in after if after[name] != before.get(name)]
    assert after[changed] == sorted([*before.get(changed, []), "ISIC_new"])
    assert set(after) == {*before, changed}


def test_batches_are_about_even() -> None:
    sizes = [len(batch) for batch in batches([f"ISIC_{number:07d}" for number in range(10_000)], 10).values()]
    assert len(sizes) == 10
    assert 850 < min(sizes) <= max(sizes) < 1150


def test_a_name_has_one_hash_for_ever() -> None:
    """Another one would deal all pictures anew, so that every batch of every study ran again."""
    assert name_hash("ISIC_0000013") == 0xBCE2B43DED1894B0
    assert batches(["ISIC_0000013"], 40) == {"00000": ["ISIC_0000013"]}


@given(NAMES, st.integers(0, 20))
def test_a_new_picture_takes_the_place_of_one_at_most_in_a_sample(images: set[str], count: int) -> None:
    sample = fixed_sample(images, count)
    assert len(sample) == min(count, len(images)) and set(sample) <= images
    assert all(name_hash(kept) < name_hash(other) for kept in sample for other in images - set(sample))
    after = fixed_sample([*sorted(images), "ISIC_new"], count)
    assert set(after) in (set(sample), *({*sample, "ISIC_new"} - {left} for left in [*sample, ""]))


# Blocks of shards


def test_blocks_of_a_growing_and_shrinking_grid(tmp_path: Path) -> None:
    path = tmp_path / "jaccard" / "blocks.json"
    tenths = [f"{tenth / 10:.3f}" for tenth in range(11)]
    assert shard_blocks(path, tenths) == [tenths]
    assert not path.exists()  # asking, as a dry run does, remembers nothing
    remember_blocks(path, shard_blocks(path, tenths))
    assert shard_blocks(path, tenths) == [tenths]

    more = sorted([*tenths, "0.250"])
    assert shard_blocks(path, more) == [tenths, ["0.250"]]
    remember_blocks(path, shard_blocks(path, more))

    assert shard_blocks(path, tenths) == [tenths, []]
    remember_blocks(path, shard_blocks(path, tenths))
    assert shard_blocks(path, [*tenths[:3], *tenths[4:]]) == [[*tenths[:3], *tenths[4:]], []]
    assert shard_blocks(path, ["0.250", "0.333"]) == [[], ["0.250"], ["0.333"]]
    assert shard_blocks(path, more) == [tenths, ["0.250"]]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(GRIDS, min_size=1, max_size=6), st.data())
def test_a_threshold_never_leaves_its_block(tmp_path: Path, grids: list[list[str]], data: st.DataObject) -> None:
    path = tmp_path / "blocks.json"
    path.unlink(missing_ok=True)
    places: dict[str, int] = {}
    for grid in grids:
        blocks = shard_blocks(path, grid)
        assert sorted(itertools.chain(*blocks)) == grid
        found = {name: number for number, block in enumerate(blocks) for name in block}
        assert all(found[name] == places[name] for name in grid if name in places)
        new = [name for name in grid if name not in places]
        assert len({found[name] for name in new}) <= 1
        assert all(blocks[found[name]] == new for name in new[:1])  # nothing that is there is done again
        if data.draw(st.booleans(), label="runs"):  # not every listed run begins
            remember_blocks(path, blocks)
            places.update(found)


def test_remembering_the_same_again_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "blocks.json"
    remember_blocks(path, [["0.000", "0.500"]])
    before = path.stat()
    remember_blocks(path, shard_blocks(path, ["0.500"]))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert json.loads(path.read_text()) == [["0.000", "0.500"]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'[["0.000", "0.1',
        b"\xff\xfe",
        b'{"0.000": 1}',
        b'["0.000"]',
        b"[[0.1]]",
        b'[["0.000"], ["0.000"]]',
        b"[" * 10**5,
    ],
)
def test_damaged_blocks_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "blocks.json"
    path.write_bytes(content)
    for function in (shard_blocks, remember_blocks):
        with pytest.raises(InputError, match=rf"^{re.escape(str(path))} is damaged \(.*delete it"):
            function(path, [])
    assert path.read_bytes() == content
