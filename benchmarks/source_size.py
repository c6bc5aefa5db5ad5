"""What the rules after the maps cost for one map source of the paper's size, in time and memory.

    python benchmarks/source_size.py [--pictures 2386] [--grid 28] [--thresholds 11]

From generated counts and maps (see overlap_scale.py), for a source with one map per picture and for one of chance with
five. Every step is the library's function that the rule calls, in a process of its own: processor seconds and peak
memory are those of a job, Snakemake aside.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import overlap_scale
from dermalign.data.cell_files import write_cells
from dermalign.overlap.exact import exact_statistics
from dermalign.overlap.join import write_curves
from dermalign.overlap.localisation import write_localisation
from dermalign.overlap.shards import write_shards
from dermalign.saliency.chance import chance_blocks, shuffled
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps
from peak_memory import own_peak

RULES = ["maps", "overlap_curves", "jaccard", "exact_thresholds", "localisation"]
DRAWS = 5


def main() -> int:
    """Print a Markdown table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2386)
    parser.add_argument("--grid", type=int, default=28)
    parser.add_argument("--thresholds", type=int, default=11)
    parser.add_argument("--step", nargs=3, metavar=("RULE", "SOURCE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        rule, source, folder = options.step
        print(json.dumps(measure(rule, source, Path(folder), options.thresholds)))
        return 0
    overlap_scale.GRID = (options.grid, options.grid)
    images = [f"ISIC_{number:07d}" for number in range(options.pictures)]
    print("| maps a picture | rule | processor, s | peak, MB | written, MB |\n|--:|---|--:|--:|--:|")
    with tempfile.TemporaryDirectory(prefix="source-size-") as name:
        folder = Path(name)
        write_cells(
            folder / "cells.h5",
            overlap_scale.generated(options.pictures),
            [overlap_scale.GRID],
            overlap_scale.FEATURES,
        )
        maps = np.random.default_rng(1).random((len(images), *overlap_scale.GRID), dtype=np.float32)
        write_maps(folder / "model.h5", [overlap_scale.block_of(images, maps)])
        for rule in RULES:
            for source, count in (("model", 1), ("chance", DRAWS)):
                if (rule, source) == ("maps", "model"):
                    continue
                command = [sys.executable, __file__, "--thresholds", str(options.thresholds)]
                command += ["--step", rule, source, name]
                process = subprocess.run(command, capture_output=True, text=True, check=False)
                if process.returncode:
                    sys.exit(process.stderr[-3000:])
                found = json.loads(process.stdout)
                print(
                    f"| {count} | {rule} | {found['seconds']:.1f} | {found['peak']:.0f} | {found['written']:.0f} |",
                    flush=True,
                )
    return 0


def measure(rule: str, source: str, folder: Path, count: int) -> dict[str, float]:
    """Do one step and return its processor seconds, peak memory in MB and the size of what it wrote in MB."""
    thresholds = [f"{number / (count - 1):.3f}" for number in range(count)]
    curves = folder / f"{source}_curves.h5"
    written = [curves]
    if rule == "maps":
        written = [folder / "chance.h5"]
        inputs = Inputs([], overlap_scale.NAMES, overlap_scale.GRID, maps=str(folder / "model.h5"))
        write_maps(written[0], chance_blocks(shuffled, inputs, DRAWS))
    elif rule in ("overlap_curves", "localisation"):
        with h5py.File(folder / "cells.h5") as cells:
            white, images = cells["white"][:, -1], cells["image"].asstr()[:]
        write = write_localisation if rule == "localisation" else write_curves
        written = [folder / f"{source}_localisation.csv"] if rule == "localisation" else written
        write(written[0], folder / f"{source}.h5", [folder / "cells.h5"], images[white > 0].tolist())
    elif rule == "jaccard":
        paths = {(name, t): folder / source / name / f"{t}.csv" for name in overlap_scale.NAMES for t in thresholds}
        written = list(paths.values())
        write_shards(curves, paths)
    else:
        tables = exact_statistics("model", source, curves)
        written = [folder / f"{source}_{name}.csv" for name in ("thresholds", "pictures", "curves")]
        for path, table in zip(written, (tables.thresholds, tables.pictures, tables.curves), strict=True):
            table.to_csv(path, index=False)
    return {
        "seconds": time.process_time(),
        "peak": own_peak(),
        "written": sum(path.stat().st_size for path in written) / 1e6,
    }


if __name__ == "__main__":
    sys.exit(main())
