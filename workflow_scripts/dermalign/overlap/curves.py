"""Curve files: for each map of a source and each feature, white area and overlap at every threshold.

The file, HDF5, with n maps, a picture's beside each other:

- /image (n,) strings;
- /area/{maps} (n, c) uint32, white pixels |A| in c columns, where {maps} is a feature if maps differ by feature (the
  file's attribute `by_feature`), else `all`; /intersection/{feature} (n, c) uint32, likewise |A and B|;
- /levels/{maps} (n, k) float32, of coarse maps: a map's k values, descending. Column j is what holds when the j highest
  cells are white, so that there are c = k + 1 columns, exact for every threshold.

Of fine maps (more than 4,096 cells) there are no levels: column j is what holds at the threshold j / 1000, so that
there are c = 1,001 columns, exact for every threshold of at most three digits.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..hdf5 import check_layout, new_file, opened, reading
from .engine import BINS, Curves, white_cells

WHAT = "a curve file"
ALL = "all"
BLOCK = 256  # maps held in memory at a time


class CurveFile:
    """An open curve file; see `open_curves`."""

    def __init__(self, file: h5py.File, path: str | Path) -> None:
        self._file, self.path = file, path
        self.images: list[str] = file["image"].asstr()[:].tolist()
        self.features: list[str] = list(file["intersection"])
        self.is_binned: bool = "levels" not in file
        self._by_feature = bool(file.attrs["by_feature"])
        # Of the last maps and thresholds that were asked for: columns and |A|, each (t, n).
        self._thresholded: tuple[tuple[str, tuple[str, ...]], NDArray[np.int64], NDArray[np.int64]] | None = None
        for feature in self.features:
            self._check(feature)

    def _check(self, feature: str) -> None:
        """Raise ValueError for data sets of other types or shapes than the module says, as `check_layout`."""
        count, maps = len(self.images), self.maps_of(feature)
        columns = BINS
        if not self.is_binned:
            levels = self._file[f"levels/{maps}"]
            check_layout({"levels": (levels, np.float32, (count, None))})
            columns = levels.shape[1] + 1
        counts = {f"intersection/{feature}": self.intersection(feature), f"area/{maps}": self.area(feature)}
        check_layout({name: (each, np.uint32, (count, columns)) for name, each in counts.items()})

    def maps_of(self, feature: str) -> str:
        """Return the {maps} that a feature is compared with."""
        return feature if self._by_feature else ALL

    @property
    def blocks(self) -> list[slice]:
        """The rows in blocks that fit into memory."""
        return [slice(start, start + BLOCK) for start in range(0, len(self.images), BLOCK)]

    def levels(self, feature: str) -> h5py.Dataset:
        """Return the data set of the levels of the maps that a feature is compared with; coarse maps alone have it."""
        return self._file[f"levels/{self.maps_of(feature)}"]

    def level_ends(self, feature: str, rows: slice) -> NDArray[np.bool_] | None:
        """Return in which columns of coarse maps no value is cut, bool (rows, k + 1); None of fine maps.

        Where several cells of a map have one value, the columns between the first and the last of them depend on an
        order that means nothing.
        """
        if self.is_binned:
            return None
        levels = self.levels(feature)[rows]
        ends = np.ones((len(levels), levels.shape[1] + 1), dtype=np.bool_)
        ends[:, 1:-1] = levels[:, 1:] != levels[:, :-1]
        return ends

    def area(self, feature: str) -> h5py.Dataset:
        """Return the data set of |A| of the maps that a feature is compared with."""
        return self._file[f"area/{self.maps_of(feature)}"]

    def intersection(self, feature: str) -> h5py.Dataset:
        """Return the data set of |A and B|."""
        return self._file[f"intersection/{feature}"]

    def mask(self, feature: str, rows: slice) -> NDArray[np.int64]:
        """Return |B|, the white pixels of the mask, int64: the overlap with a map that is white everywhere."""
        counts: NDArray[np.int64] = self.intersection(feature)[rows][:, self._all_white].astype(np.int64)
        return counts

    @property
    def _all_white(self) -> int:
        """The column in which a map is white everywhere."""
        return 0 if self.is_binned else -1

    def counts(
        self, feature: str, thresholds: Sequence[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return |A and B| (t, n), |A or B| (t, n) and |B| (n,) in pixels, int64, of each map at each threshold.

        thresholds: decimals as written in file names. Maps are compared with them once for all features.
        """
        with reading(self.path, WHAT):
            return self._counts(feature, thresholds)

    def _counts(
        self, feature: str, thresholds: Sequence[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        key = (self.maps_of(feature), tuple(thresholds))
        if self._thresholded is None or self._thresholded[0] != key:
            columns = self._columns(feature, thresholds)
            self._thresholded = (key, columns, self._at(self.area(feature), columns))
        _, columns, area = self._thresholded
        intersection = np.empty_like(columns)
        mask = np.empty(len(self.images), dtype=np.int64)
        for block in self.blocks:
            cumulative = self.intersection(feature)[block].astype(np.int64)
            mask[block] = cumulative[:, self._all_white]
            intersection[:, block] = np.take_along_axis(cumulative, columns[:, block].T, axis=1).T
        return intersection, area + mask - intersection, mask

    def _columns(self, feature: str, thresholds: Sequence[str]) -> NDArray[np.int64]:
        """Return the column that holds for each map at each threshold, int64 (t, n)."""
        found = np.empty((len(thresholds), len(self.images)), dtype=np.int64)
        if self.is_binned:
            found[:] = np.array([bin_of(threshold) for threshold in thresholds])[:, np.newaxis]
            return found
        for block in self.blocks:
            levels = self.levels(feature)[block]
            for row, threshold in enumerate(thresholds):
                found[row, block] = white_cells(levels, float(threshold))
        return found

    def _at(self, dataset: h5py.Dataset, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the values of a data set in the given columns, int64 (t, n)."""
        found = np.empty_like(columns)
        for block in self.blocks:
            found[:, block] = np.take_along_axis(dataset[block].astype(np.int64), columns[:, block].T, axis=1).T
        return found


def bin_of(threshold: str) -> int:
    """Return the column of a fine map's curves for a threshold as written in file names, `0.300`: 300."""
    return round(float(threshold) * (BINS - 1))


@contextmanager
def open_curves(path: str | Path) -> Iterator[CurveFile]:
    """Open a curve file to be read. Raises InputError where it is none, or damaged."""
    with opened(path, WHAT, ("image", "area", "intersection", "by_feature")) as file:
        with reading(path, WHAT):
            curves = CurveFile(file, path)
        yield curves


class CurveWriter:
    """Appends the curves of maps, block by block; see `write_curve_file`."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file

    def append(self, images: Sequence[str], curves: dict[str, Curves]) -> None:
        """Append a block. curves: by the {maps} that they are of, `ALL` or features; all blocks have the same."""
        columns: dict[str, NDArray[Any]] = {"image": np.array(images, dtype=object)}
        for maps, of_maps in curves.items():
            if of_maps.levels is not None:
                columns[f"levels/{maps}"] = of_maps.levels
            columns[f"area/{maps}"] = of_maps.area
            columns |= {f"intersection/{feature}": counts for feature, counts in of_maps.intersection.items()}
        if "image" not in self._file:
            self._file.attrs["by_feature"] = ALL not in curves
            for name, values in columns.items():
                self._create(name, values)
        start = len(self._file["image"])
        for name, values in columns.items():
            self._file[name].resize(start + len(images), axis=0)
            self._file[name][start:] = values

    def _create(self, name: str, values: NDArray[Any]) -> None:
        shape = values.shape[1:]
        kinds = {"image": h5py.string_dtype(), "levels": np.float32}
        kind = kinds.get(name.partition("/")[0], np.uint32)
        self._file.create_dataset(name, (0, *shape), kind, maxshape=(None, *shape), chunks=(64, *shape))


@contextmanager
def write_curve_file(path: str | Path) -> Iterator[CurveWriter]:
    """Write a curve file, whole or not at all."""
    with new_file(path) as file:
        yield CurveWriter(file)
