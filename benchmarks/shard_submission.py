"""Which way of giving the shards to SLURM is best: beside Snakemake, single jobs, an array, or groups.

    python benchmarks/shard_submission.py results/embedded [--thresholds N] [--sources N]

Takes the curves of a finished study and makes its shards anew in a temporary folder, on a real SLURM of one node (the
one of tests/slurm, so as root with slurm-wlm and munge installed): as one job per map source, which is what
rules/jaccard.smk does, and as one job per shard. Printed per way: jobs of Snakemake, calls of sbatch, seconds of the
whole command, and what SLURM was asked for, in processors and memory of one submission and minutes. All ways must give
the same shards. The node claims 20 processors: a group asks for those of all its jobs, and never starts on fewer.
The status of jobs is looked up every second at first, and a busy cluster adds its queue to each submission.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "workflow_scripts"), str(REPOSITORY / "tests" / "slurm")]

from cluster import Cluster  # noqa: E402
from dermalign.study.digests import code_digest  # noqa: E402

SCRIPT = REPOSITORY / "workflow_scripts" / "jaccard.py"
FEATURES = ("globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks", "union")
WORKFLOW = """\
sources = {sources}
features = {features}
thresholds = {thresholds}

rule all:
    input:
        expand("jaccard/{{of}}/{{feature}}/{{at}}.csv", of=sources, feature=features, at=thresholds),

rule shards:
    input:
        "curves/{{model}}/{{method}}.h5",
    output:
        {output},
    log:
        "logs/{log}.log",
    localrule: {local}
    {group}
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code="{code}",
    script:
        "{script}"
"""
PER_SOURCE = 'expand("jaccard/{{model}}/{{method}}/{feature}/{threshold}.csv", feature=features, threshold=thresholds)'
PER_SHARD = '"jaccard/{model}/{method}/{feature}/{threshold}.csv"'
SLURM = (
    *("--executor", "slurm", "--jobs", "100", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10", "--slurm-no-account"),
)


def main() -> int:
    """Run the benchmark and return the exit status: non-zero where the shards differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="a finished study, such as results/embedded")
    parser.add_argument("--thresholds", type=int, default=11)
    parser.add_argument("--sources", type=int, help="only so many of the study's map sources")
    options = parser.parse_args()
    curves = sorted((options.results / "curves").glob("*/*.h5"))[: options.sources]
    if not curves:
        sys.exit(f"{options.results}: there are no curves; run the study first")
    sources = [f"{path.parent.name}/{path.stem}" for path in curves]
    thresholds = [f"{number / (options.thresholds - 1):.3f}" for number in range(options.thresholds)]
    of_source = len(FEATURES) * len(thresholds)
    ways = {
        "one job per source, beside Snakemake (as in rules/)": (PER_SOURCE, True, False, ["--cores", "2"]),
        "one job per source, each submitted": (PER_SOURCE, False, False, [*SLURM]),
        "one job per source, an array": (PER_SOURCE, False, False, [*SLURM, "--slurm-array-jobs", "shards"]),
        "one job per source, one group": (
            *(PER_SOURCE, False, True),
            [*SLURM, "--group-components", f"shards={len(sources)}"],
        ),
        "one job per shard, a group per source": (
            *(PER_SHARD, False, True),
            [*SLURM, "--group-components", f"shards={of_source}"],
        ),
        "one job per shard, an array": (PER_SHARD, False, False, [*SLURM, "--slurm-array-jobs", "shards"]),
    }
    print("| way | jobs | submissions | seconds | CPUs | memory | time limit |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    digests = set()
    with tempfile.TemporaryDirectory(prefix="shard-submission-") as name:
        folder = Path(name)
        (folder / "slurm").mkdir()
        with Cluster(folder / "slurm", cores=20, memory=1_000_000) as cluster:
            for number, (way, (output, local, grouped, arguments)) in enumerate(ways.items()):
                work = folder / str(number)
                for path, source in zip(curves, sources, strict=True):
                    (work / "curves" / source).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, work / "curves" / f"{source}.h5")
                (work / "Snakefile").write_text(
                    WORKFLOW.format(
                        sources=sources,
                        features=FEATURES,
                        thresholds=thresholds,
                        output=output,
                        log="{model}/{method}" + ("/{feature}/{threshold}" if output == PER_SHARD else ""),
                        local=local,
                        group='group: "shards"' if grouped else "",
                        code=code_digest(SCRIPT),
                        script=SCRIPT,
                    ),
                    encoding="utf-8",
                )
                before = set(cluster.jobs())
                start = time.perf_counter()
                process = subprocess.run(
                    [
                        sys.executable,
                        "-m",
                        "snakemake",
                        "--directory",
                        str(work),
                        "--snakefile",
                        str(work / "Snakefile"),
                    ]
                    + (arguments if "--jobs" not in arguments else [*arguments, "--local-cores", "2"]),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env=cluster.environment,
                    check=False,
                )
                seconds = time.perf_counter() - start
                if process.returncode:
                    sys.exit(process.stdout[-3000:])
                asked = [job for key, job in cluster.jobs().items() if key not in before]
                submissions = len({job.get("ArrayJobId", job["JobId"]) for job in asked})
                of = {key: " / ".join(sorted({job[key] for job in asked})) or "-" for key in ASKED}
                jobs = len(sources) * (of_source if output == PER_SHARD else 1)
                print(f"| {way} | {jobs} | {submissions} | {seconds:.0f} | {' | '.join(of.values())} |", flush=True)
                digests.add(digest(work / "jaccard"))
    if len(digests) > 1:
        print("\nThe ways gave different shards.")
    return len(digests) > 1


ASKED = ("NumCPUs", "MinMemoryNode", "TimeLimit")


def digest(folder: Path) -> str:
    """Return a digest of all files in a folder, by name and content."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.csv")):
        found.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
