"""The embedded study on a real SLURM of one node with two GPUs, to its last table; see tests/slurm/run.

One run is killed by `scancel`, the next survives a node that goes down and a job that is cancelled, a last one has one
more threshold. What SLURM was asked for and what it gave is read back from SLURM. Ends non-zero on any failure.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import yaml
from cluster import Cluster

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = Path("results") / "embedded"
# Fewer pictures, epochs and controls: what is tested is where jobs run, and each rule still has its jobs.
OVERLAY = {
    "archives": {"drawn": {"training_pictures": 300, "evaluation_pictures": 60}},
    "models": {name: {"training": {"epochs": 2}} for name in ("plain", "residual")},
    "controls": {"chance": ["shuffled"], "prior": ["all_white"], "anatomy": []},
    "ceilings": {"maps": False, "grids": {"stop": 4}},
    "segmentation": {"networks": {"unet": None}},  # see SEGMENTED
    "faithfulness": {"pictures": 4, "steps": 2},
    "sanity": {"pictures": 2, "stages": 1},
}
SEGMENTED = {**OVERLAY, "segmentation": {"folds": 2, "networks": {"unet": {"training": {"epochs": 2}}}}}
FINER = {**OVERLAY, "thresholds": [number / 10 for number in range(11)] + [0.55]}
COMPARED = ("tables/*", "statistics/*.csv", "classifiers/*/*predictions.csv", "manifest/*.csv")
MEASURED = ("method_runs", "extended_methods")  # how long maps took, which differs from run to run
GPU_RULES = r"train|(gradcam|sanity)_\w+|faithfulness"


class Checks:
    """Counts what holds and what does not."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def __call__(self, what: str, holds: bool, detail: object = "") -> None:
        """Print and count one check; the detail is printed where it fails."""
        self.passed += holds
        self.failed += not holds
        print(f"{'passed' if holds else 'FAILED'}: {what}" + ("" if holds else f"\n{detail}"), flush=True)


class Study:
    """The embedded study in a folder, run locally or on the cluster."""

    def __init__(self, folder: Path, cluster: Cluster | None = None) -> None:
        self.folder = folder
        self.cluster = cluster
        folder.mkdir()

    def run(self, overlay: dict[str, object], *arguments: str) -> tuple[int, str]:
        """Run Snakemake and return its status and what it printed."""
        path = self.folder / "overlay.yaml"
        path.write_text(yaml.safe_dump(overlay), encoding="utf-8")
        snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
        where = ["--cores", "2"]
        if self.cluster:
            where = ["--profile", str(REPOSITORY / "profiles" / "slurm"), "--slurm-status-command", "squeue"]
            where += ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"]
        process = subprocess.run(
            [*snakemake, *where, "--directory", str(self.folder), *arguments, "--configfile", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # The checks read Snakemake's own words.
            env={**(self.cluster.environment if self.cluster else os.environ), "VERBOSE": "1"},
            check=False,
        )
        return process.returncode, process.stdout

    def contents(self) -> dict[str, bytes]:
        """The results that must not depend on where they were computed, by name."""
        results = self.folder / RESULTS
        paths = [path for of in COMPARED for path in results.glob(of) if path.stem not in MEASURED]
        return {str(path.relative_to(results)): path.read_bytes() for path in paths}


def rule_of(job: dict[str, str]) -> str:
    """Return the rule of a job of SLURM, as the executor writes it into the comment."""
    return job.get("Comment", "").removeprefix("rule_").split("_wildcards_")[0]


def megabytes(size: str) -> float:
    """Return a size as SLURM writes it, such as 8000M or 12G, in MB."""
    return float(size[:-1]) * {"M": 1, "G": 1024}[size[-1]]


def rules_of(jobs: dict[str, dict[str, str]]) -> Counter[str]:
    """Return how many jobs of each rule there were."""
    return Counter(rule_of(job) for job in jobs.values())


def executed(text: str) -> set[str]:
    """Return the rules whose jobs a run of Snakemake started."""
    return set(re.findall(r"^(?:local)?rule (\w+):$", text, re.M)) - {"all"}


class Event(threading.Thread):
    """Does something to the first job that fits and has run for a while, once."""

    def __init__(self, cluster: Cluster, fits: Callable[[dict[str, str]], bool], act: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._cluster, self._fits, self._act = cluster, fits, act
        self.job: str | None = None
        self._known = set(cluster.jobs())
        self._over = threading.Event()

    def __enter__(self) -> "Event":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Watch the queue."""
        while not self._over.wait(0.3):
            for number, job in self._cluster.jobs().items():
                # A few seconds into it, so that the work itself is hit and not its start.
                if number in self._known or job["JobState"] != "RUNNING" or job["RunTime"] < "00:00:04":
                    continue
                if self._fits(job):
                    self.job = number
                    self._act(number)
                    return


def main() -> int:
    """Run all checks and return the exit status."""
    # An end from outside takes SLURM down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    check = Checks()
    started = time.monotonic()

    def clock(what: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {what}", flush=True)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dermalign-slurm-")))
        (folder / "slurm").mkdir()
        try:
            cluster = stack.enter_context(Cluster(folder / "slurm", memory=64000))
            clock("SLURM is up")
            run_all(check, clock, cluster, folder)
        except Exception as error:  # whatever it was: it counts, and SLURM is taken down
            check("the test came to its end", False, f"{type(error).__name__}: {error}")
    clock("done")
    print(f"{check.passed} passed, {check.failed} failed", flush=True)
    return 1 if check.failed else 0


def run_all(check: Checks, clock: Callable[[str], None], cluster: Cluster, folder: Path) -> None:
    """Run the study locally and on the cluster, with what may go wrong there."""
    local = Study(folder / "local")
    status, text = local.run(OVERLAY)
    check("the study runs locally", status == 0, text[-3000:])
    clock("local run")

    study = Study(folder / "cluster", cluster)
    cancel = lambda number: cluster.run("scancel", number)  # noqa: E731
    with Event(cluster, lambda job: rule_of(job) == "train" and "plain" in job["Comment"], cancel) as event:
        status, text = study.run(OVERLAY, "--retries", "0")
    clock("run that loses a training to scancel")
    first = cluster.jobs()
    check("a training was cancelled in the middle", event.job is not None and "CANCELLED" in text, text[-3000:])
    check("a run that lost a job ends non-zero", status != 0, text[-3000:])
    check("it names the rule and the reason", "Error in rule train" in text and "'CANCELLED'" in text, text[-3000:])
    check("it leaves no half classifier", not (study.folder / RESULTS / "classifiers/plain/model.keras").exists())
    maps = study.folder / RESULTS / "maps"
    check("the other classifier's branch went on", (maps / "residual/gradcam.h5").is_file(), text[-3000:])
    check_gpus(check, cluster, first)
    trainings = [number for number, job in first.items() if rule_of(job) == "train"]
    devices = [cluster.environments().get(number, set()) for number in trainings]
    overlap = max(first[number]["StartTime"] for number in trainings) < min(
        first[number]["EndTime"] for number in trainings
    )
    check("two trainings ran at the same time, a GPU each", overlap and sorted(devices) in ([{"0"}, {"1"}],), devices)
    arrays = {job["ArrayJobId"] for job in first.values() if rule_of(job) == "mask_cells" and "ArrayJobId" in job}
    check("all mask batches were one submission", len(arrays) == 1 and rules_of(first)["mask_cells"] == 2, first)

    def node_dies(_: str) -> None:
        cluster.node_goes_down()
        time.sleep(2)
        cluster.node_comes_back()

    with (
        Event(cluster, lambda job: rule_of(job) == "train", node_dies) as down,
        Event(cluster, lambda job: rule_of(job).startswith("gradcam"), cancel) as event,
    ):
        status, text = study.run(OVERLAY)
    clock("run that finishes the rest while a node goes down and a job is cancelled")
    second = {number: job for number, job in cluster.jobs().items() if number not in first}
    check("the rerun ends well", status == 0, text[-5000:])
    check("the node went down under a training", down.job is not None, second)
    check(
        "SLURM put that training back in the queue and ran it to its end",
        down.job is not None and second[down.job]["Restarts"] == "1" and second[down.job]["JobState"] == "COMPLETED",
        second,
    )
    batches = {"gradcam_plain_00000": 1, "gradcam_plain_00001": 1, "sanity_plain": 1}
    retried = rule_of(second[event.job]) if event.job else ""
    check(
        "the rerun submitted the rest only, and the cancelled job twice",
        rules_of(second) == Counter({"train": 1, "faithfulness": 1, **batches}) + Counter([retried]),
        rules_of(second),
    )
    memory = sorted(megabytes(job["MinMemoryNode"]) for job in second.values() if rule_of(job) == retried)
    check("the second attempt had twice the memory", len(memory) == 2 and memory[1] == 2 * memory[0], memory)
    check_gpus(check, cluster, second)
    check_equal(check, "all tables, statistics and predictions equal those of the local run", local, study)

    status, text = study.run(OVERLAY, "--dry-run")
    check("nothing is left to do", status == 0 and "Nothing to be done" in text, text[-3000:])

    before = set(cluster.jobs())
    status, text = study.run(FINER)
    clock("run with one more threshold")
    follows = {"jaccard_1", "statistics_plain", "statistics_residual", "merge_statistics", "jaccard_by_threshold"}
    follows |= {f"table{number}" for number in range(2, 7)}
    follows |= {f"extended_{name}" for name in ("thresholds", "best_thresholds", "groups", "mann_whitney")}
    follows |= {"group_tests", "groupings", "correlations", "correlations_figure"}
    follows |= {"extended_groupings", "extended_correlations", "extended_controls", "extended_ceilings"}
    follows |= {"extended_out_of_sample", "extended_hypotheses", "out_of_sample", "hypotheses"}
    follows |= {"control_statistics_plain", "control_statistics_residual", "merge_controls"}
    follows |= {"statistics_controls", "ceiling_shares", "ceilings_figure"}
    follows |= {"method_differences", "extended_methods", "methods_figure"}
    follows |= {"comparison", "groups_figure", "example", "figure1", "figure2", "figure4", "figure5", "extremes"}
    follows |= {"explorer", "study_record", "report_page", "challenge_statistics", "extended_challenge"}
    check("one more threshold runs its shards and what follows", executed(text) == follows, executed(text))
    check("and submits nothing to the cluster", status == 0 and set(cluster.jobs()) == before, text[-3000:])
    of_tables = [name for name in local.contents() if name.endswith(".csv")]
    status, text = local.run(FINER, *(str(RESULTS / name) for name in of_tables))
    check_equal(check, "with the same tables as locally", local, study)
    clock("local run with one more threshold")
    check_segmentation(check, cluster, local, study)
    clock("segmentation networks, locally and on the cluster")


def check_segmentation(check: Checks, cluster: Cluster, local: Study, study: Study) -> None:
    """Check that the networks of the folds are trained beside each other, a GPU each, as they are locally."""
    before = set(cluster.jobs())
    files = [RESULTS / "segmentation" / "unet" / f"fold_{fold}" / "model.keras" for fold in (1, 2)]
    for each in (study, local):
        status, text = each.run(SEGMENTED, *map(str, files))
        check("segmentation networks are trained", status == 0, text[-3000:])
    jobs = {number: job for number, job in cluster.jobs().items() if number not in before}
    trainings = [number for number, job in jobs.items() if rule_of(job).startswith("train_segmentation")]
    devices = [cluster.environments().get(number, set()) for number in trainings]
    overlap = max(jobs[number]["StartTime"] for number in trainings) < min(
        jobs[number]["EndTime"] for number in trainings
    )
    check("two folds trained at the same time, a GPU each", overlap and sorted(devices) == [{"0"}, {"1"}], devices)
    networks = [[(each.folder / path).read_bytes() for path in files] for each in (local, study)]
    check("the networks are the same bytes", networks[0] == networks[1] and networks[0][0] != networks[0][1], "")


def check_gpus(check: Checks, cluster: Cluster, jobs: dict[str, dict[str, str]]) -> None:
    """Check that the jobs that want a GPU got one, and no other job did."""
    environments = cluster.environments()
    wrong = []
    for number, job in jobs.items():
        wants = re.fullmatch(GPU_RULES, rule_of(job)) is not None
        given = "gres:gpu:1" in job.get("TresPerJob", "")
        seen = environments.get(number, set())
        sees = bool(seen) and seen <= {"0", "1"}
        if not (wants == given == sees == (job["Partition"] == "gpu")) or not seen:
            wrong.append((number, rule_of(job), given, seen, job["Partition"]))
    kinds = {rule_of(job).split("_")[0] for job in jobs.values() if "gres:gpu:1" in job.get("TresPerJob", "")}
    check(
        f"{len(jobs)} jobs: each got a GPU exactly if it wants one", not wrong and {"train", "gradcam"} <= kinds, wrong
    )


def check_equal(check: Checks, what: str, one: Study, other: Study) -> None:
    """Check that two studies hold the same results, byte for byte."""
    first, second = one.contents(), other.contents()
    differing = [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)]
    check(f"{what} ({len(first)} files)", bool(first) and not differing, differing)


if __name__ == "__main__":
    sys.exit(main())
