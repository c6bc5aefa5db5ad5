"""Measure how the overlap engine's cost per picture and its memory grow with the number of pictures.

    python benchmarks/overlap_scale.py [--pictures 500 2500 25000] [--runs 3]

From generated counts and maps, so without decoding: 8x8 cells, six features, 101 thresholds. Each number of pictures
is measured in an own process, `runs` times. Printed: a Markdown table of medians, milliseconds of processor time a
picture, which others on the same cores change little.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
from peak_memory import own_peak

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

from dermalign.data.cell_files import read_counts, write_cells  # noqa: E402
from dermalign.data.grids import cell_areas  # noqa: E402
from dermalign.overlap.join import write_curves  # noqa: E402
from dermalign.overlap.mask_cells import PictureCells  # noqa: E402
from dermalign.overlap.shards import read_shards, write_shards  # noqa: E402
from dermalign.results.statistics import source_statistics  # noqa: E402
from dermalign.saliency.blocks import MapBlock, Maps  # noqa: E402
from dermalign.saliency.maps import write_maps  # noqa: E402
from dermalign.study.groups import default_groups  # noqa: E402

GRID = (8, 8)
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
NAMES = [*FEATURES, "union"]
THRESHOLDS = [f"{number / 100:.3f}" for number in range(101)]
SIZES = [(1022, 767), (2048, 1536), (3008, 2000), (4288, 2848)]
SHOWN = [0.26, 0.23, 0.08, 0.62, 0.04]  # how many of the real melanomas and nevi show each feature
STEPS = ["cells", "curves", "shards", "statistics"]


def generated(count: int) -> Iterator[PictureCells]:
    """Yield pictures with drawn counts; one feature's white pixels are never the others', so the union is the sum."""
    random = np.random.default_rng(0)
    for number in range(count):
        size = SIZES[number % len(SIZES)]
        areas = cell_areas(GRID, *size)
        counts = {
            feature: (areas * random.random(GRID) / len(FEATURES)).astype(np.int64) * (random.random() < share)
            for feature, share in zip(FEATURES, SHOWN, strict=True)
        }
        counts["union"] = sum(counts.values(), np.zeros(GRID, dtype=np.int64))
        white = {name: int(values.sum()) for name, values in counts.items()}
        yield PictureCells(f"ISIC_{number:07d}", *size, white, {GRID: counts})


def block_of(images: list[str], maps: Maps) -> MapBlock:
    """Return maps, (n, h, w), as those of a source without a model."""
    return MapBlock(images, saliency=maps, raw=maps, degenerate=np.zeros(len(maps), dtype=np.bool_))


def measure(folder: Path, count: int) -> dict[str, float]:
    """Return the processor seconds of each step, and the peak memory in MiB of this process so far."""
    random = np.random.default_rng(1)
    images = [f"ISIC_{number:07d}" for number in range(count)]
    write_maps(folder / "maps.h5", [block_of(images, random.random((count, *GRID), dtype=np.float32))])
    pictures = generated(count)
    paths = {(name, t): folder / name / f"{t}.csv" for name in NAMES for t in THRESHOLDS}
    taken = {}

    def step(name: str, work: Callable[[], object]) -> None:
        start = time.process_time()
        work()
        taken[name] = time.process_time() - start

    step("cells", lambda: write_cells(folder / "cells.h5", pictures, [GRID], FEATURES))
    evaluation = read_counts([folder / "cells.h5"]).assign(diagnosis=random.choice(["MEL", "NV"], count))
    predicted = dict(zip(images, random.choice(["MEL", "NV", "BKL"], count).tolist(), strict=True))
    analysis = evaluation.loc[evaluation["union"] > 0, "image"].tolist()
    step("curves", lambda: write_curves(folder / "curves.h5", folder / "maps.h5", [folder / "cells.h5"], analysis))
    step("shards", lambda: write_shards(folder / "curves.h5", paths))

    def statistics() -> None:
        shards = {name: read_shards({t: paths[name, t] for t in THRESHOLDS}) for name in NAMES}
        source_statistics("model", "method", shards, evaluation, predicted, default_groups(["MEL", "NV"]), {}, 1)

    step("statistics", statistics)
    return {**taken, "memory": own_peak()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, nargs="+", default=[500, 2500, 25000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(Path(folder), arguments.only)))
        return
    print("| pictures | " + " | ".join(STEPS) + " | together | peak memory |")
    print("|---:|" + "---:|" * (len(STEPS) + 2))
    for count in arguments.pictures:
        command = [sys.executable, __file__, "--only", str(count)]
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _ in range(arguments.runs)
        ]
        of = {name: median(run[name] for run in runs) for name in runs[0]}
        steps = [of[name] / count * 1000 for name in STEPS]
        together = median(sum(run[name] for name in STEPS) for run in runs) / count * 1000
        cells = " | ".join(f"{value:.3f}" for value in [*steps, together])
        print(f"| {count:,} | {cells} | {of['memory']:.0f} MiB |", flush=True)
    print("\nMilliseconds a picture. The shards and statistics of few pictures are mostly their 606 files.")


if __name__ == "__main__":
    main()
