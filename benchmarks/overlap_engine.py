"""Measure the overlap engine against its limit, the direct way and two peers, on full-size masks in one run.

    python benchmarks/overlap_engine.py [--pictures N] [--data FOLDER]

The masks are the real ones of the reduced archives, scaled by nearest neighbour to the true sizes of their pictures
and saved as 8-bit PNG, as the official ones are; the maps are smooth noise. Two models (28x28 and 8x8), six features.
Every way computes the same counts, and they are compared. Printed: a Markdown table of medians over the runs.

Black masks of one size are mostly the same file, which ours decodes once; so ours is measured on a second archive,
too, in which no two files are alike.
"""

import argparse
import io
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import pandas as pd
from overlap_scale import block_of
from peak_memory import own_peak
from PIL import Image
from sklearn.metrics import jaccard_score

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

from dermalign.data.archives import list_pictures  # noqa: E402
from dermalign.data.cell_files import write_cells  # noqa: E402
from dermalign.data.mask_files import list_masks  # noqa: E402
from dermalign.overlap.join import write_curves  # noqa: E402
from dermalign.overlap.mask_cells import count_archive  # noqa: E402
from dermalign.overlap.shards import read_shards, write_shards  # noqa: E402
from dermalign.saliency.maps import write_maps  # noqa: E402

FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
NAMES = [*FEATURES, "union"]
GRIDS = {"vgg16": (28, 28), "resnet50": (8, 8)}
ELEVEN = [f"{number / 10:.3f}" for number in range(11)]
HUNDRED_ONE = [f"{number / 100:.3f}" for number in range(101)]
Counts = dict[tuple[str, str, str, str], tuple[int, int]]  # (model, feature, threshold, image): intersection, union


@dataclass(frozen=True)
class Case:
    """A folder with pictures.zip, masks.zip, unlike.zip and {model}.h5; the pictures' pixels by image."""

    folder: Path
    pixels: dict[str, int]

    @property
    def images(self) -> list[str]:
        return list(self.pixels)

    def maps(self, model: str) -> dict[str, np.ndarray]:
        with h5py.File(self.folder / f"{model}.h5") as file:
            return dict(zip(file["image"].asstr()[:], file["saliency"][:], strict=True))


def smooth_maps(random: np.random.Generator, count: int, grid: tuple[int, int]) -> np.ndarray:
    """Draw maps of a few blobs, stretched to [0, 1]; (count, h, w) float32."""
    blobs = random.random((count, 4, 4), dtype=np.float32)
    maps = np.stack([np.asarray(Image.fromarray(blob).resize(grid[::-1], Image.Resampling.BICUBIC)) for blob in blobs])
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return (maps - low) / (high - low)


def with_title(png: bytes, title: str) -> bytes:
    """Return the same picture as another file: with a text chunk behind its header of 33 bytes."""
    chunk = b"tEXtTitle\0" + title.encode()
    return png[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]


def make_case(folder: Path, data: Path, count: int) -> None:
    """Write the archives and maps of `count` pictures drawn from the real ones that have a feature."""
    random = np.random.default_rng(0)
    sizes = pd.read_csv(data / "labels" / "isic2018_task2_diagnosis.csv").set_index("image")
    archive = data / "isic-256" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    pictures = list_pictures(data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip")
    images = random.permutation(list(pictures)).tolist()
    members = list_masks(archive, images, FEATURES)
    chosen: list[str] = []
    with (
        zipfile.ZipFile(archive) as real,
        zipfile.ZipFile(folder / "pictures.zip", "w") as picture_archive,
        zipfile.ZipFile(folder / "masks.zip", "w") as mask_archive,
        zipfile.ZipFile(folder / "unlike.zip", "w") as unlike,
    ):
        for image in images:
            masks = {name: Image.open(io.BytesIO(real.read(members[image][name].path))) for name in FEATURES}
            if len(chosen) == count:
                break
            if not any(mask.getbbox() for mask in masks.values()):
                continue
            size = tuple(sizes.loc[image, ["width", "height"]].tolist())
            picture = io.BytesIO()
            Image.new("L", size).save(picture, "JPEG")
            picture_archive.writestr(f"pictures/{image}.jpg", picture.getvalue())
            for name, mask in masks.items():
                stream = io.BytesIO()
                mask.convert("L").resize(size, Image.Resampling.NEAREST).save(stream, "PNG")
                member = f"masks/{image}_attribute_{name}.png"
                mask_archive.writestr(member, stream.getvalue())
                unlike.writestr(member, with_title(stream.getvalue(), member))
            chosen.append(image)
    for model, grid in GRIDS.items():
        write_maps(folder / f"{model}.h5", [block_of(chosen, smooth_maps(random, len(chosen), grid))])


def read_case(folder: Path) -> Case:
    pixels = {}
    with zipfile.ZipFile(folder / "pictures.zip") as opened:
        for image, member in list_pictures(folder / "pictures.zip").items():
            with opened.open(member.path) as stream:
                width, height = Image.open(stream).size
            pixels[image] = width * height
    return Case(folder, pixels)


def read_pngs(case: Case, images: Iterable[str]) -> dict[tuple[str, str], bytes]:
    members = list_masks(case.folder / "masks.zip", images, FEATURES)
    with zipfile.ZipFile(case.folder / "masks.zip") as opened:
        return {(i, name): opened.read(member.path) for i, of in members.items() for name, member in of.items()}


# The ways


def decode_only(pngs: Iterable[bytes]) -> None:
    """(a) The limit: decode the masks, which lie in memory, and do nothing else."""
    for content in pngs:
        Image.open(io.BytesIO(content)).load()


def our_cells(case: Case, masks_name: str = "masks.zip") -> None:
    """(b) Count the cells of both grids, from the archives to a file."""
    archives = case.folder / "pictures.zip", case.folder / masks_name
    pictures, masks = list_pictures(archives[0]), list_masks(archives[1], case.images, FEATURES)
    grids = list(GRIDS.values())
    write_cells(case.folder / "cells.h5", count_archive(*archives, pictures, masks, grids), grids, FEATURES)


def our_curves(case: Case) -> None:
    """(b) Write the step functions of both models."""
    for model in GRIDS:
        curves, maps = case.folder / f"curves_{model}.h5", case.folder / f"{model}.h5"
        write_curves(curves, maps, [case.folder / "cells.h5"], case.images)


def shard_paths(case: Case, model: str, thresholds: list[str]) -> dict[tuple[str, str], Path]:
    folder = case.folder / f"jaccard{len(thresholds)}" / model
    return {
        (feature, threshold): folder / feature / f"{threshold}.csv" for feature in NAMES for threshold in thresholds
    }


def our_shards(case: Case, thresholds: list[str]) -> None:
    """(b) Write the shards of both models."""
    for model in GRIDS:
        write_shards(case.folder / f"curves_{model}.h5", shard_paths(case, model, thresholds))


def our_counts(case: Case, thresholds: list[str]) -> Counts:
    found: Counts = {}
    for model in GRIDS:
        paths = shard_paths(case, model, thresholds)
        for feature in NAMES:
            shards = read_shards({threshold: paths[feature, threshold] for threshold in thresholds})
            for row, threshold in enumerate(thresholds):
                counts = zip(shards.intersection[row].tolist(), shards.union[row].tolist(), strict=True)
                for image, pair in zip(shards.images, counts, strict=True):
                    found[model, feature, threshold, image] = pair
    return found


def decoded(pngs: dict[tuple[str, str], bytes], image: str, feature: str) -> np.ndarray:
    if feature == "union":
        return np.logical_or.reduce([decoded(pngs, image, name) for name in FEATURES])
    return np.asarray(Image.open(io.BytesIO(pngs[image, feature]))) > 127


def scaled_up(saliency: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(Image.fromarray(saliency).resize(shape[::-1], Image.Resampling.NEAREST))


def thresholded(scaled: np.ndarray, threshold: str) -> np.ndarray:
    return np.ones(scaled.shape, dtype=bool) if float(threshold) == 0 else scaled > np.float32(threshold)


def overlap(white: np.ndarray, mask: np.ndarray) -> tuple[int, int]:
    return int(np.logical_and(white, mask).sum()), int(np.logical_or(white, mask).sum())


def overlap_tuned(white: np.ndarray, mask: np.ndarray) -> tuple[int, int]:
    return int(np.count_nonzero(white & mask)), int(np.count_nonzero(white | mask))


def direct(case: Case, images: list[str], thresholds: list[str], tuned: bool = False) -> Counts:
    """(c) Decode once, scale each map up once, compare pixel by pixel per threshold and feature.

    tuned: leave black masks out, and count with NumPy's fastest.
    """
    found: Counts = {}
    pngs = read_pngs(case, images)
    maps = {model: case.maps(model) for model in GRIDS}
    for image in images:
        masks = {name: decoded(pngs, image, name) for name in FEATURES}
        masks["union"] = np.logical_or.reduce(list(masks.values()))
        shown = {name: mask for name, mask in masks.items() if mask.any()}
        for model, of in maps.items():
            scaled = scaled_up(of[image], masks["union"].shape)
            for threshold in thresholds:
                white = thresholded(scaled, threshold)
                for name, mask in (shown if tuned else masks).items():
                    counts = overlap_tuned(white, mask) if tuned else overlap(white, mask)
                    if name in shown:
                        found[model, name, threshold, image] = counts
    return found


def per_threshold(case: Case, images: list[str], thresholds: list[str]) -> Counts:
    """(e) As cheXlocalize does: for each threshold, read the mask again and scale the map up again."""
    found: Counts = {}
    pngs = read_pngs(case, images)
    for model in GRIDS:
        maps = case.maps(model)
        for threshold in thresholds:
            for feature in NAMES:
                for image in images:
                    mask = decoded(pngs, image, feature)
                    white = thresholded(scaled_up(maps[image], mask.shape), threshold)
                    if mask.any():
                        found[model, feature, threshold, image] = overlap(white, mask)
    return found


def scikit_learn(case: Case, images: list[str], thresholds: list[str]) -> dict[tuple[str, str, str, str], float]:
    """(d) jaccard_score on the union's masks and maps scaled up."""
    found = {}
    pngs = read_pngs(case, images)
    for model in GRIDS:
        maps = case.maps(model)
        for image in images:
            mask = decoded(pngs, image, "union")
            scaled = scaled_up(maps[image], mask.shape)
            for threshold in thresholds:
                white = thresholded(scaled, threshold)
                found[model, "union", threshold, image] = float(jaccard_score(mask.ravel(), white.ravel()))
    return found


# Measuring


def clocks() -> np.ndarray:
    """Return seconds of the wall and of this process's CPU; every way runs on one core."""
    return np.array([time.perf_counter(), time.process_time()])


def peak_memory(folder: Path, way: str) -> int:
    """Return the peak memory in MiB of a process that does nothing but one way, or `nothing` but the imports."""
    command = [sys.executable, __file__, "--only", way, "--folder", str(folder)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def only(way: str, case: Case) -> None:
    largest = max(case.pixels, key=case.pixels.__getitem__)
    if way == "limit":
        decode_only(read_pngs(case, case.images).values())
    elif way == "ours":
        our_cells(case)
        our_curves(case)
        our_shards(case, HUNDRED_ONE)
    elif way == "direct":
        direct(case, [largest], ELEVEN[:2])
    print(int(own_peak()))


def measure(case: Case, runs: int) -> Iterator[str]:
    images, count = case.images, len(case.images)
    pngs = list(read_pngs(case, images).values())
    megapixels = sum(case.pixels.values()) / 1e6
    # Few pictures for the slow ways, spread over those of middling size; their cost grows with the pixels.
    middling = sorted(images, key=case.pixels.__getitem__)[count // 4 : count - count // 4] or images
    twelve, six, two = (middling[:: max(len(middling) // few, 1)][:few] for few in (12, 6, 2))
    results: dict[str, Any] = {}

    def spent(name: str, few: list[str], work: Callable[[], object], share: float = 1) -> None:
        """Keep the results, and the time, extrapolated from few pictures and a share of the work to a mean picture."""
        start = clocks()
        results[name] = work()
        taken = (clocks() - start) / share
        times[name].append(taken * megapixels / (sum(case.pixels[image] for image in few) / 1e6) / count)

    times: dict[str, list[np.ndarray]] = defaultdict(list)  # wall and CPU seconds a picture, one pair for each run
    for _ in range(runs):
        for name, work in {
            "limit": lambda: decode_only(pngs),
            "cells": lambda: our_cells(case),
            "unlike": lambda: our_cells(case, "unlike.zip"),
            "curves": lambda: our_curves(case),
            "shards11": lambda: our_shards(case, ELEVEN),
            "shards101": lambda: our_shards(case, HUNDRED_ONE),
        }.items():
            start = clocks()
            work()
            times[name].append((clocks() - start) / count)
        spent("direct11", twelve, lambda: direct(case, twelve, ELEVEN))
        spent("direct101", two, lambda: direct(case, two, HUNDRED_ONE))
        spent("tuned11", twelve, lambda: direct(case, twelve, ELEVEN, tuned=True))
        spent("tuned101", six, lambda: direct(case, six, HUNDRED_ONE, tuned=True))
        spent("sklearn11", two[:1], lambda: scikit_learn(case, two[:1], ELEVEN[3:4]), 1 / 66)
        spent("anew11", two[:1], lambda: per_threshold(case, two[:1], ELEVEN))
        for number in (11, 101):
            for cells in ("cells", "unlike"):
                parts = zip(*(times[name] for name in (cells, "curves", f"shards{number}")), strict=True)
                times[f"ours {cells}{number}"] = [sum(of_run) for of_run in parts]

    ours = {11: our_counts(case, ELEVEN), 101: our_counts(case, HUNDRED_ONE)}
    compared = [
        pair == ours[number][key]
        for name, number in (("direct11", 11), ("tuned11", 11), ("direct101", 101), ("tuned101", 101), ("anew11", 11))
        for key, pair in results[name].items()
    ]
    indices = {key: pair[0] / pair[1] for key, pair in ours[11].items()}
    scores = [abs(score - indices[key]) < 1e-15 for key, score in results["sklearn11"].items()]

    def milliseconds(name: str) -> str:
        wall, cpu = np.median(times[name], axis=0) * 1000
        return f"{wall:.2f} | {cpu:.2f}" if cpu < 10 else f"{wall:.0f} | {cpu:.0f}"

    def against(name: str, other: str) -> float:
        """The median over the runs of the ratio of CPU times within each."""
        return median(a[1] / b[1] for a, b in zip(times[name], times[other], strict=True))

    before = peak_memory(case.folder, "nothing")
    memory = {way: f"{peak_memory(case.folder, way)} MiB" for way in ("limit", "ours", "direct")}

    largest = max(case.pixels.values()) / 1e6
    yield f"{count} pictures of {megapixels / count:.1f} megapixels in the mean, {largest:.1f} at most; 2 models,"
    yield f"6 features; medians of {runs} runs; ratios are of CPU time. Peak memory of an own process, of which the"
    yield f"imports are {before} MiB."
    yield ""
    yield "| way | thresholds | ms a picture | CPU ms | against the limit | ours is faster | peak memory |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    yield f"| (a) limit: decode the five masks, nothing else | | {milliseconds('limit')} | 1 | | {memory['limit']} |"
    for cells, label in (("cells", "ours"), ("unlike", "ours, no two files alike")):
        for number in (11, 101):
            name = f"ours {cells}{number}"
            ratio = against(name, "limit")
            yield f"| (b) {label} | {number} | {milliseconds(name)} | {ratio:.2f} | | {memory['ours']} |"
    for name, number, label in (
        ("cells", "", "cells"),
        ("unlike", "", "cells, no two files alike"),
        ("curves", "", "curves"),
        ("shards11", "11", "shards"),
        ("shards101", "101", "shards"),
    ):
        yield f"| (b) of it: {label} | {number} | {milliseconds(name)} | {against(name, 'limit'):.3f} | | |"
    for name, label, few in (
        ("direct", "(c) direct", {11: twelve, 101: two}),
        ("tuned", "(c) direct, tuned, without black masks", {11: twelve, 101: six}),
        ("sklearn", "(d) scikit-learn, 1 feature at 1 threshold", {11: two[:1]}),
        ("anew", "(e) masks and maps anew for each threshold", {11: two[:1]}),
    ):
        for number, pictures in few.items():
            way, mine = f"{name}{number}", (f"ours cells{number}", f"ours unlike{number}")
            factors = " / ".join(f"{against(way, of_ours):.1f}" for of_ours in mine)
            peak = memory["direct"] if name == "direct" else ""
            label_of = f"{label}, from {len(pictures)} picture{'s' * (len(pictures) > 1)}"
            ratio = against(way, "limit")
            yield f"| {label_of} | {number} | {milliseconds(way)} | {ratio:.1f} | {factors} x | {peak} |"
    yield ""
    yield "Faster: than ours / than ours where no two files are alike. (c) to (e) are measured on a few pictures, and"
    yield "(d) on a part of the work, and extrapolated by pixels."
    yield ""
    yield f"Equal to ours: {sum(compared)} of {len(compared)} pairs of counts of (c) and (e), {sum(scores)} of"
    yield f"{len(scores)} indices of (d)."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=60, help="how many (default 60)")
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data", help="the reduced archives")
    parser.add_argument("--runs", type=int, default=3, help="how often each way is measured (default 3)")
    parser.add_argument("--only", choices=["nothing", "limit", "ours", "direct"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        only(arguments.only, read_case(arguments.folder))
        return
    if not (arguments.data / "isic-256").is_dir():
        sys.exit(f"no real data in {arguments.data}: name their folder with --data")
    with tempfile.TemporaryDirectory() as folder:
        make_case(Path(folder), arguments.data, arguments.pictures)
        for line in measure(read_case(Path(folder)), arguments.runs):
            print(line, flush=True)


if __name__ == "__main__":
    main()
