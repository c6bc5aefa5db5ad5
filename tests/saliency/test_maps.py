"""Files of maps: gathered in order of name, read back as they were written, and words for what is none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.maps import gather_maps, open_maps, write_maps
from dermalign.saliency.stretching import stretch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from map_cases import gathered, predictions, read, replace_part, store_with

NAMES = ["globules", "pigment_network", "streaks"]


def write(folder: Path, image: str, saliency: np.ndarray, predicted: str = "NV") -> Path:
    return store_with(
        folder / f"{image}.h5",
        saliency,
        raw=saliency,
        image=image,
        predicted_class=predicted,
        degenerate=not saliency.any(),
    )


# Gathering stores


def test_maps_are_in_order_of_name_and_unchanged(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    maps = {f"ISIC_{number}": random.random((4, 3), dtype=np.float32) for number in (3, 1, 2)}
    maps["ISIC_0"] = np.zeros((4, 3), dtype=np.float32)
    stores = [write(tmp_path, image, saliency, f"class of {image}") for image, saliency in maps.items()]
    gather_maps(tmp_path / "maps.h5", stores)
    with h5py.File(tmp_path / "maps.h5") as file:
        assert file["image"].asstr()[:].tolist() == sorted(maps)
        np.testing.assert_array_equal(file["saliency"][:], [maps[image] for image in sorted(maps)])
        assert file["saliency"].dtype == np.float32
        assert file["degenerate"][:].tolist() == [True, False, False, False]
        assert file["target_class"].asstr()[:].tolist() == ["MEL"] * 4
    assert predictions(tmp_path / "maps.h5") == {image: f"class of {image}" for image in maps}
    gather_maps(tmp_path / "turned.h5", stores[::-1])
    with h5py.File(tmp_path / "turned.h5") as turned, h5py.File(tmp_path / "maps.h5") as file:
        assert set(turned) == set(file)
        for name in file:
            np.testing.assert_array_equal(turned[name][:], file[name][:])


def test_raw_maps_are_gathered_as_they_are(tmp_path: Path) -> None:
    raw = np.random.default_rng(3).normal(size=(4, 3, 5)).astype(np.float32) * 1000
    found = read(gathered(tmp_path, raw))
    np.testing.assert_array_equal(found["raw"], raw)
    np.testing.assert_array_equal(found["saliency"], stretch(raw)[0])


def test_maps_of_different_shapes_are_refused(tmp_path: Path) -> None:
    stores = [write(tmp_path, "a", np.ones((8, 8))), write(tmp_path, "b", np.ones((7, 7)))]
    with pytest.raises(InputError, match=r"maps of b are of \(7, 7\) cells, those before of \(8, 8\): .*run again"):
        gather_maps(tmp_path / "maps.h5", stores)
    assert not (tmp_path / "maps.h5").exists()


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    stores = [write(tmp_path, "a", np.ones((8, 8))), write(tmp_path, "b", np.ones((8, 8)))]
    stores[1].write_bytes(stores[1].read_bytes()[:2000])
    with pytest.raises(InputError, match=r"b\.h5"):
        gather_maps(tmp_path / "maps.h5", stores)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "b.h5"]


def test_stores_of_maps_that_differ_by_feature_are_gathered_with_their_features(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    maps = {image: random.random((3, 4, 5), dtype=np.float32) for image in "ba"}
    stores = [
        store_with(tmp_path / f"{image}.h5", of, image=image, features=NAMES, probabilities=[])
        for image, of in maps.items()
    ]
    gather_maps(tmp_path / "maps.h5", stores)
    with open_maps(tmp_path / "maps.h5") as found:
        assert (found.images, found.features, found.grid) == (["a", "b"], NAMES, (4, 5))
        np.testing.assert_array_equal(found.saliency(slice(None)), [maps["a"], maps["b"]])
    stores.append(store_with(tmp_path / "c.h5", maps["a"], image="c", features=NAMES[::-1]))
    with pytest.raises(InputError, match="maps of c are of the features streaks, pigment_network, globules, those"):
        gather_maps(tmp_path / "maps.h5", stores)
    stores[-1] = store_with(tmp_path / "c.h5", maps["a"][0], image="c")
    with pytest.raises(InputError, match=r"maps of c are of \(4, 5\) cells, those before of \(3, 4, 5\)"):
        gather_maps(tmp_path / "maps.h5", stores)


# Writing and reading


@st.composite
def blocks(draw: st.DrawFn) -> list[MapBlock]:
    """Blocks of maps of one shape, with or without features and predictions."""
    features = draw(st.sampled_from([[], NAMES[:1], NAMES]))
    shape = (*([len(features)] if features else []), draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    predicts = draw(st.booleans())
    drawn = []
    for count in draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)):
        names = draw(st.lists(st.text("abcé_0", min_size=1, max_size=9), min_size=count, max_size=count))
        classes = [draw(st.lists(st.sampled_from(["MEL", "NV"]), min_size=count, max_size=count)) for _ in range(2)]
        drawn.append(
            MapBlock(
                images=names,
                saliency=draw(arrays(np.float32, (count, *shape), elements=st.floats(0, 1, width=32))),
                raw=draw(arrays(np.float32, (count, *shape), elements=st.floats(width=32, allow_nan=False))),
                degenerate=draw(arrays(np.bool_, count)),
                features=features,
                predicted=classes[0] if predicts else [],
                target=classes[1] if predicts else [],
            )
        )
    return drawn


@settings(max_examples=50, deadline=None)
@given(written=blocks(), data=st.data())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, written: list[MapBlock], data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("maps") / "maps.h5"
    write_maps(path, iter(written), {"compute": "saliency.tiles:tiles", "tiles": 3})
    images = [image for block in written for image in block.images]
    nothing = [""] * len(images)
    some = np.array(data.draw(st.lists(st.integers(0, len(images) - 1), max_size=9)), dtype=np.intp)
    with h5py.File(path) as file:
        assert (file.attrs["compute"], file.attrs["tiles"]) == ("saliency.tiles:tiles", 3)
    with open_maps(path) as found:
        assert found.images == images
        assert found.features == written[0].features
        assert found.grid == written[0].saliency.shape[-2:]
        assert found.predicted == ([name for block in written for name in block.predicted] or nothing)
        assert found.target == ([name for block in written for name in block.target] or nothing)
        for ask, parts in (
            (found.saliency, [block.saliency for block in written]),
            (found.raw, [block.raw for block in written]),
            (found.degenerate, [block.degenerate for block in written]),
        ):
            whole = np.concatenate(parts)
            for rows in (slice(None), slice(1, 3), some):
                np.testing.assert_array_equal(ask(rows), whole[rows])
                assert ask(rows).dtype == whole.dtype
        covered = [row for rows in found.blocks() for row in range(len(images))[rows]]
        assert covered == list(range(len(images)))


def block_of(saliency: np.ndarray, **changes: object) -> MapBlock:
    """Return a block of maps, n of them, of pictures a0, a1, ..."""
    content = {"images": [f"a{row}" for row in range(len(saliency))], "raw": saliency}
    return MapBlock(**{**content, "saliency": saliency, "degenerate": np.zeros(len(saliency), "?"), **changes})


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1.0001, -1e-9])
def test_saliency_outside_of_the_unit_interval_is_refused(tmp_path: Path, wrong: float) -> None:
    saliency = np.full((2, 3, 3), 0.5, dtype=np.float32)
    saliency[1, 2, 2] = wrong
    with pytest.raises(InputError, match=r"maps\.h5: saliency must be in \[0, 1\], in the maps from a0 on it is not"):
        write_maps(tmp_path / "maps.h5", [block_of(np.zeros((1, 3, 3), "f")), block_of(saliency)])
    assert not list(tmp_path.iterdir())


def test_maps_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    zeros = np.zeros((1, 3, 3), dtype=np.float32)
    for second in (
        block_of(np.zeros((1, 3, 4), dtype=np.float32)),
        block_of(np.zeros((1, 1, 3, 3), dtype=np.float32), features=["streaks"]),
        block_of(zeros, raw=np.zeros((1, 2, 2), dtype=np.float32)),
        block_of(zeros, features=["streaks"]),
    ):
        with pytest.raises(InputError, match=r"maps\.h5: the maps of a0 are of"):
            write_maps(tmp_path / "maps.h5", [block_of(zeros), second])
    assert not list(tmp_path.iterdir())


def test_no_maps_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"maps\.h5: there is no map to write"):
        write_maps(tmp_path / "maps.h5", [])
    assert not list(tmp_path.iterdir())


def test_a_source_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def failing() -> Iterator[MapBlock]:
        yield block_of(np.zeros((1, 3, 3), dtype=np.float32))
        raise InputError("its classifier is broken")

    (tmp_path / "maps.h5").write_bytes(b"before")
    with pytest.raises(InputError, match="its classifier is broken"):
        write_maps(tmp_path / "maps.h5", failing())
    assert (tmp_path / "maps.h5").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def test_files_that_hold_no_maps_are_named(tmp_path: Path) -> None:
    def refused(name: str, words: str) -> None:
        with pytest.raises(
            InputError, match=rf"{name}\.h5: {words}.*[;.] (delete it to make it anew|Run again to make it)"
        ):
            read_images(tmp_path / f"{name}.h5")

    def read_images(path: Path) -> list[str]:
        with open_maps(path) as maps:
            return maps.images

    whole = gathered(tmp_path, np.random.default_rng(0).random((3, 28, 28), dtype=np.float32))
    refused("none", "there is no such file")
    (tmp_path / "text.h5").write_text("image,saliency\n")
    refused("text", "not a file of maps, or damaged")
    (tmp_path / "short.h5").write_bytes(whole.read_bytes()[:3000])
    refused("short", "not a file of maps, or damaged")
    with h5py.File(tmp_path / "chance.h5", "w") as file:
        file["saliency"] = np.ones((2, 4, 4), np.float32)
    refused(
        "chance",
        "not a file of maps, or from an older version, as it lacks image, .*, raw, degenerate",
    )


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("saliency", None),  # a group
        ("image", None),
        ("saliency", np.zeros((3, 2, 2))),
        ("raw", np.zeros((2, 2, 2), np.float32)),
        ("degenerate", np.zeros(3, np.uint8)),
        ("degenerate", np.zeros(2, np.bool_)),
        ("image", np.zeros(3)),
        ("target_class", ["a", "b"]),
    ],
)
def test_data_of_another_kind_are_no_maps(tmp_path: Path, part: str, value: Any) -> None:
    path = gathered(tmp_path, np.zeros((3, 2, 2), np.float32))
    replace_part(path, part, value)
    with pytest.raises(InputError, match=rf"{path.name}: not a file of maps, or damaged .*delete it"), open_maps(path):
        pass


# Maps in blocks, and by feature


@pytest.mark.parametrize(("grid", "rows"), [((4, 4), [256, 256, 3]), ((64, 65), [252, 252, 11])])
def test_blocks_hold_as_many_as_fit_into_memory(tmp_path: Path, grid: tuple[int, int], rows: list[int]) -> None:
    count = sum(rows)
    write_maps(tmp_path / "maps.h5", [block_of(np.zeros((count, *grid), dtype=np.float32))])
    with open_maps(tmp_path / "maps.h5") as maps:
        assert maps.is_fine == (grid == (64, 65))
        assert [block.stop - block.start for block in maps.blocks()] == rows
        assert maps.blocks()[0].start == 0 and maps.blocks()[-1].stop == count


@pytest.mark.parametrize(("grid", "is_fine"), [((64, 64), False), ((1, 4096), False), ((1, 4097), True)])
def test_a_map_of_more_than_4096_cells_is_fine(tmp_path: Path, grid: tuple[int, int], is_fine: bool) -> None:
    write_maps(tmp_path / "maps.h5", [block_of(np.zeros((1, *grid), dtype=np.float32))])
    with open_maps(tmp_path / "maps.h5") as maps:
        assert maps.is_fine == is_fine


def test_a_remade_block_has_the_pictures_and_predictions_of_its_rows(tmp_path: Path) -> None:
    maps = gathered(tmp_path, np.random.default_rng(0).random((4, 2, 2), dtype=np.float32))
    other = np.ones((2, 5, 5), dtype=np.float32)
    with open_maps(maps) as source:
        block = source.remade(slice(1, 3), other, other * 2, np.zeros(2, "?"))
    assert block.images == ["ISIC_0000001", "ISIC_0000002"]
    assert (block.predicted, block.target) == (["NV", "MEL"], ["NV", "NV"])
    assert block.saliency is other and block.probabilities is None and block.features == []


def test_one_map_serves_all_features(tmp_path: Path) -> None:
    saliency = np.random.default_rng(2).random((2, 3, 4), dtype=np.float32)
    write_maps(tmp_path / "maps.h5", [block_of(saliency)])
    with open_maps(tmp_path / "maps.h5") as maps:
        for feature in ("streaks", "union", "anything"):
            np.testing.assert_array_equal(maps.of_feature(saliency, feature), saliency)


def test_each_feature_has_its_map_and_the_union_the_maximum(tmp_path: Path) -> None:
    saliency = np.random.default_rng(2).random((2, 3, 5, 4), dtype=np.float32)
    write_maps(tmp_path / "maps.h5", [block_of(saliency, features=NAMES)])
    with open_maps(tmp_path / "maps.h5") as maps:
        for row, name in enumerate(NAMES):
            np.testing.assert_array_equal(maps.of_feature(saliency, name), saliency[:, row])
        union = maps.of_feature(saliency, "union")
        assert union.shape == (2, 5, 4)
        for threshold in (0.25, 0.5, 0.75):  # white wherever one of them is
            np.testing.assert_array_equal(union > threshold, (saliency > threshold).any(axis=1))
        with pytest.raises(InputError, match=r"maps\.h5 has maps of globules, pigment_network, streaks, none of dots"):
            maps.of_feature(saliency, "dots")
    # A source that has a map of the union means what it says.
    write_maps(tmp_path / "maps.h5", [block_of(saliency, features=["globules", "union", "streaks"])])
    with open_maps(tmp_path / "maps.h5") as maps:
        np.testing.assert_array_equal(maps.of_feature(saliency, "union"), saliency[:, 1])
