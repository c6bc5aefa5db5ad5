"""Gathering maps: one file in order of name, whatever order the stores come in."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency.maps import gather_maps, read_predictions, write_predictions
from dermalign.saliency.stores import write_store


def write(folder: Path, image: str, saliency: np.ndarray, predicted: str = "NV") -> Path:
    path = folder / f"{image}.h5"
    write_store(
        path,
        saliency=saliency,
        raw=saliency,
        probabilities=[0.5, 0.5],
        image=image,
        model="m",
        method="grad_cam",
        layer="last",
        target_class="MEL",
        predicted_class=predicted,
        degenerate=not saliency.any(),
        classifier_sha256="0" * 64,
    )
    return path


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
    assert read_predictions(tmp_path / "maps.h5") == {image: f"class of {image}" for image in maps}
    write_predictions(tmp_path / "predictions.csv", tmp_path / "maps.h5")
    assert read_predictions(tmp_path / "predictions.csv") == read_predictions(tmp_path / "maps.h5")
    gather_maps(tmp_path / "turned.h5", stores[::-1])
    with h5py.File(tmp_path / "turned.h5") as turned, h5py.File(tmp_path / "maps.h5") as file:
        assert set(turned) == set(file)
        for name in file:
            np.testing.assert_array_equal(turned[name][:], file[name][:])


def test_maps_of_different_shapes_are_refused(tmp_path: Path) -> None:
    stores = [write(tmp_path, "a", np.ones((8, 8))), write(tmp_path, "b", np.ones((7, 7)))]
    with pytest.raises(InputError, match=r"b\.h5 holds a map of \(7, 7\)"):
        gather_maps(tmp_path / "maps.h5", stores)
    assert not (tmp_path / "maps.h5").exists()


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    stores = [write(tmp_path, "a", np.ones((8, 8))), write(tmp_path, "b", np.ones((8, 8)))]
    stores[1].write_bytes(stores[1].read_bytes()[:2000])
    with pytest.raises(InputError, match=r"b\.h5"):
        gather_maps(tmp_path / "maps.h5", stores)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "b.h5"]
