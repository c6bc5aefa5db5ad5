"""What each rule cost in finished runs: jobs, time and memory as Snakemake measured them.

    python benchmarks/rule_costs.py results/STUDY [results/STUDY ...]

Reads the benchmark files (`results/{study}/benchmarks/`) of whole studies and prints a Markdown table, a row per rule:
how many jobs, the median and the longest in seconds, processor seconds of all jobs together, and the highest memory of
a job. Memory to ask for (`mem_mb` in rules/) is set from this table with the headroom that docs/planning.md states.
"""

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median


def main() -> int:
    """Print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", help="folders of studies, such as results/embedded")
    print("| study | rule | jobs | median, s | longest, s | processor, s | highest memory, MB |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for folder in parser.parse_args().results:
        found = costs(folder)
        if not found:
            sys.exit(f"{folder}: there are no benchmark files in {folder / 'benchmarks'}; run the study first")
        for rule, jobs in sorted(found.items()):
            seconds = [job["s"] for job in jobs]
            print(
                f"| {folder.name} | {rule} | {len(jobs)} | {median(seconds):.1f} | {max(seconds):.1f} | "
                f"{sum(job['cpu_time'] for job in jobs):.1f} | {max(job['max_rss'] for job in jobs):.0f} |"
            )
    return 0


def costs(folder: Path) -> dict[str, list[dict[str, float]]]:
    """Return the measurements of a study's jobs, by the rule that a benchmark file is named after."""
    found = defaultdict(list)
    benchmarks = folder / "benchmarks"
    for path in sorted(benchmarks.rglob("*.tsv")):
        rule = path.relative_to(benchmarks).with_suffix("").parts[0]
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                # A job that ends before Snakemake first looks at it has NA: it needs next to nothing.
                found[rule].append({key: number(row[key]) for key in ("s", "cpu_time", "max_rss")})
    return dict(found)


def number(text: str) -> float:
    """Return a number of a benchmark file, 0 where nothing was measured."""
    return 0.0 if text in ("NA", "-") else float(text)


if __name__ == "__main__":
    sys.exit(main())
