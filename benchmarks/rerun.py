"""How long one more threshold takes on a finished study, beside a dry run of it, and which files are opened for it.

    python benchmarks/rerun.py [--pictures 2604]

A study of drawn pictures (2,604 give 1,963 in the analysis), 2 untrained models, 6 features, 11 thresholds, chance
included, is run to its end in a temporary folder. Then `snakemake -n` and the run with one more threshold, from typing
to the new table, are timed alternately and their ratio is printed; the goal is at most 3. With `strace` on the PATH the
opened files are counted: no archive, mask or saliency store may be among them, but for the few that figures show and
the study's record names.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
GRID = [number / 10 for number in range(11)]
PLANNING, JOBS, FIGURES = "Snakemake, planning", "its jobs", "figures of pictures"


def main() -> None:
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2604)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rerun-") as name:
        folder = Path(name)
        timed("first run", folder, options.pictures, GRID)
        manifest = pd.read_csv(folder / "results" / "embedded" / "manifest" / "evaluation.csv")
        included = int(manifest["included"].sum())
        dry, wet = [], []
        grid = list(GRID)
        for number in range(options.runs):
            dry.append(timed("dry run", folder, options.pictures, grid, "-n"))
            grid.append(round(0.55 + number / 100, 3))
            wet.append(timed(f"one more threshold, {grid[-1]:.2f}", folder, options.pictures, grid))
        if shutil.which("strace"):
            grid.append(0.95)
            trace(folder, options.pictures, grid)
        print(f"\n| {included} pictures, 2 models, 6 features, chance on | seconds, median of {options.runs} |")
        print("|---|--:|")
        print(f"| `snakemake -n` on the finished study | {statistics.median(dry):.1f} |")
        print(f"| one more threshold, the whole command | {statistics.median(wet):.1f} |")
        print(f"| ratio (goal: at most 3) | {statistics.median(b / a for a, b in zip(dry, wet, strict=True)):.2f} |")


def command(folder: Path, pictures: int, thresholds: list[float]) -> list[str]:
    """Return the Snakemake command of the study with a grid of thresholds."""
    overlay = {
        "archives": {"drawn": {"training_pictures": 100, "evaluation_pictures": pictures}},
        "thresholds": thresholds,
        "models": {name: {"training": {"epochs": 0}} for name in ("plain", "residual")},
    }
    path = folder / "overlay.yaml"
    path.write_text(yaml.safe_dump(overlay), encoding="utf-8")
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"]
    return [*snakemake, "--directory", str(folder), "--configfile", str(path)]


def timed(what: str, folder: Path, pictures: int, thresholds: list[float], *arguments: str) -> float:
    """Run the study and return the seconds of the whole command."""
    words = command(folder, pictures, thresholds)
    start = time.perf_counter()
    process = subprocess.run([*words[:3], *arguments, *words[3:]], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(process.stdout[-3000:] + process.stderr[-3000:])
    print(f"{what}: {seconds:.1f} s", file=sys.stderr)
    return seconds


def trace(folder: Path, pictures: int, thresholds: list[float]) -> None:
    """Run one more threshold under strace and print what kinds of files of the study were opened to read."""
    log = folder / "trace"
    words = [
        "strace",
        "-f",
        "-qq",
        "-s",
        "4096",  # a job is known by the path of its script, which strace would cut off
        "-e",
        "trace=open,openat,execve",
        "-o",
        str(log),
        *command(folder, pictures, thresholds),
    ]
    subprocess.run(words, capture_output=True, check=True)
    lines = log.read_text(errors="replace").splitlines()
    processes = {
        line.split()[0]: FIGURES if "picture_figure.py" in line else JOBS
        for line in lines
        if "execve(" in line and "/.snakemake/scripts/" in line
    }
    opened: dict[str, Counter[str]] = {by: Counter() for by in (PLANNING, JOBS, FIGURES)}
    for line in lines:
        if match := re.search(r'"[^"]*results/embedded/(\w+)/[^"]*", O_RDONLY(?!\|O_DIRECTORY)', line):
            opened[processes.get(line.split()[0], PLANNING)][match[1]] += 1
    if not opened[JOBS]["curves"]:
        sys.exit("the trace shows no job that reads curves: it cannot be right")
    print("\nFiles of the study opened to read for one more threshold (archives: the directory of their names):")
    for by, kinds in opened.items():
        print(f"- {by}: {dict(kinds)}")
    forbidden = {kind: opened[JOBS][kind] for kind in ("archives", "saliency", "maps", "cells", "pictures")}
    print(f"- archives, stores, maps or mask cells opened by other jobs than figures: {sum(forbidden.values())}")


if __name__ == "__main__":
    main()
