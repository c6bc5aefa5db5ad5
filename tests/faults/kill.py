"""Kill a study again and again, and see that nothing is lost, half written or other than without kills.

    .venv/bin/python -m tests.faults.kill --moments 60 [--folder FOLDER] [--overlay FILE]

The study runs in `FOLDER/killed` with two cores. It is killed with SIGKILL each time that some more of its jobs ended,
while others run or write, and started again as a user would: `--unlock`, then the same command. (`--unlock` empties a
folder of locks, and takes as long as a start does: after some times that is done here.) In turns are killed: all its
processes; one job; the scheduler alone, whose jobs then are waited for, are killed, too, or go on beside the next run.
After each kill

- every file under its final name must be that of a run without kills, in `--whole` or made in `FOLDER/whole`, byte for
  byte, but for those that hold times (`VARYING`), which must open and be whole;
- every job that an earlier run finished must still have all its files, and must not run again. A job is finished when
  Snakemake recorded all its outputs, or when a run printed its line. One that was cut off, or that ended when nobody
  waited for it any more, is not. Excused is what follows from a job that went on beside the next run: it wrote its
  files, which are the same, a second time.

At the end the same holds of all files, and none may be missing or left over, temporary files included. Prints a line
per moment, then a table of the rules that were hit; ends non-zero where anything failed.
"""

import argparse
import base64
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

sys.path.extend(str(Path(__file__).resolve().parents[2] / name) for name in ("workflow_scripts", "tests/shared"))

from ..compare_results import VARYING as VARYING_COLUMNS
from ..compare_results import difference
from ..workflow.conftest import Run, Study

WAYS = ("all", "job", "scheduler, jobs end", "scheduler, jobs killed", "scheduler, jobs go on")
# What holds times, or the names of files of a run, is not compared byte for byte.
VARYING = re.compile(
    r"study\.json|README\.md|report/.*|logs/.*|benchmarks/.*|jaccard/blocks\.json"
    r"|classifiers/[^/]+/history\.csv|segmentation/[^/]+/fold_\d+/history\.csv|figures/(learning_curves.*|methods\..*)"
    r"|statistics/method_runs\.csv|tables/extended_methods\..*"
)
UNLOCKED = 3  # times by Snakemake
PARTIAL = re.compile(r"(^|/)\.[^/]*\.partial")


@dataclass
class Kills:
    """What was killed, and what was found."""

    study: Study
    whole: Path
    overlay: dict[str, Any] | None
    targets: tuple[str, ...] = ()
    """what is made; all where none is named"""
    rules: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    locked: int = 0
    checked: int = 0
    left: int = 0
    """temporary files that were found after kills"""
    finished: dict[tuple[str, ...], tuple[float, ...]] = field(default_factory=dict)
    """{outputs of a finished job: when it began, as Snakemake recorded with each}"""
    going_on: set[str] = field(default_factory=set)
    """outputs of jobs that went on beside the next run"""
    excused: int = 0
    """jobs that ran again for one of `going_on`"""

    def start(self, number: int) -> subprocess.Popen[bytes]:
        """Start the study in a process group of its own."""
        return self.study.started(self.study.folder / f"run_{number}.txt", *self.targets, overlay=self.overlay)

    def unlock(self) -> None:
        """Give the lock of a killed run back, as a user would."""
        locks = list((self.study.folder / ".snakemake" / "locks").glob("*"))
        self.locked += bool(locks)
        if locks and self.locked <= UNLOCKED:
            run = self.study.snakemake("--unlock", overlay=self.overlay)
            assert run.status == 0, run.text[-3000:]
            assert not any(path.exists() for path in locks)
        for path in locks:
            path.unlink(missing_ok=True)

    def incomplete(self) -> set[str]:
        """Files of the results that jobs were at when they were killed, as Snakemake notes them."""
        files = {name for job in jobs_in(self.log_text()) if job.state != "ended" for name in job.outputs}
        return {str(Path(name).relative_to(self.place)) for name in files if name.startswith(self.place)}

    @property
    def place(self) -> str:
        """The folder of results, from the folder of the study."""
        return str(self.study.results.relative_to(self.study.folder))

    def logs(self) -> list[str]:
        """What the logs of Snakemake have, one a run that came so far, in their order."""
        logs = sorted((self.study.folder / ".snakemake" / "log").glob("*.log"))
        return [path.read_text(errors="replace") for path in logs]

    def log_text(self) -> str:
        """What the newest log of Snakemake has."""
        return (self.logs() or [""])[-1]

    def record(self, output: str) -> dict[str, Any]:
        """What Snakemake recorded of an output; nothing where its job did not come to its end the last time."""
        name = base64.urlsafe_b64encode(output.encode()).decode()
        parts = [name[start : start + 254] for start in range(0, len(name), 254)]  # 255 with the mark
        place = Path(*(f"@{part}" for part in parts[:-1]), parts[-1])
        path = self.study.folder / ".snakemake" / "metadata" / place
        if not path.is_file() or (self.study.folder / ".snakemake" / "incomplete" / place).is_file():
            return {}
        try:
            record: dict[str, Any] = json.loads(path.read_text())
        except ValueError:  # its writing was cut off
            return {}
        return record

    def follows_from_going_on(self, output: str) -> bool:
        """Tell whether an output is made, at one or more removes, from what a job wrote that went on."""
        waiting, seen = [output], set[str]()
        while waiting:
            inputs = set(self.record(waiting.pop()).get("input", ())) - seen
            if inputs & self.going_on:
                return True
            seen |= inputs
            waiting += inputs
        return False

    def check_jobs(self, moment: str) -> None:
        """See that no job that was finished runs again, by what Snakemake records."""
        for outputs, job in {job.outputs: job for text in self.logs() for job in jobs_in(text) if job.outputs}.items():
            records = [self.record(output) for output in outputs]
            # Snakemake records a job that fails as it records one that ends well, and then removes what it wrote.
            is_finished = all((self.study.folder / output).exists() for output in outputs) and job.state != "failed"
            began = tuple(record["starttime"] for record in records) if is_finished and all(records) else None
            before = self.finished.pop(outputs, None)
            if began is not None:
                self.finished[outputs] = began
            if before in (None, began):
                continue
            if any(self.follows_from_going_on(output) for output in outputs):
                self.excused += 1
            else:
                self.faults.append(f"{moment}: {job.rule} was finished, and ran again or is gone ({outputs[0]})")

    def check_lines(self) -> None:
        """See that no step's line was printed by two runs; what `check_jobs` excused may be."""
        printed = Counter[str]()
        for path in self.study.folder.glob("run_*.txt"):
            printed.update({name_of(line) for line in Run(0, path.read_text(errors="replace")).steps()})
        again = sorted(name for name, count in printed.items() if count > 1)
        if len(again) > self.excused:
            self.faults.append(f"the end: steps were printed as ended by more than one run: {', '.join(again)}")

    def check(self, moment: str, *, is_over: bool = False) -> None:
        """Compare all files under final names with those without kills, and see that no finished job ran again."""
        self.check_jobs(moment)
        results, at_work = self.study.results, set() if is_over else self.incomplete()
        for name, path in files_below(results):
            if PARTIAL.search(name) or ".training/" in name:
                self.left += bool(PARTIAL.search(name))
                if is_over:
                    self.faults.append(f"{moment}: {name} is left over")
                continue
            self.checked += 1
            if reason := self.fault_of(name, path):
                self.faults.append(f"{moment}: {name}: {reason}{' (its job was at work)' if name in at_work else ''}")

    def fault_of(self, name: str, path: Path) -> str:
        """Return in what a file is not that of the run without kills, an empty text where in nothing that counts."""
        other = self.whole / name
        if not other.is_file():
            return "is not among the files of the run without kills"
        if name.startswith("logs/") and not name.endswith(".sha256"):
            return ""
        if VARYING.fullmatch(name):
            return is_cut(path, other)
        return difference(other, path, VARYING_COLUMNS)


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file of a folder with its path in there; none that is gone by now."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path


def is_cut(path: Path, other: Path) -> str:
    """Return why a file that may differ from another one cannot be whole, an empty text where it may."""
    content, whole = path.read_bytes(), other.read_bytes()
    if path.suffix == ".json":
        json.loads(content)
    if path.suffix in (".csv", ".tsv", ".sha256") and content.count(b"\n") != whole.count(b"\n"):
        return "has other lines"
    return "has another end" if content[-1:] != whole[-1:] or not content else ""


def name_of(line: str) -> str:
    """Return the name of a step of its line, such as `mask_cells 00001` of `[ 12/118] mask_cells 00001   3.2 s`."""
    return re.sub(r"  .*", "", line.partition("] ")[2])


@dataclass
class Job:
    """A job that began, of a log of Snakemake. state: running, ended or failed, as far as the log goes."""

    rule: str
    outputs: tuple[str, ...]
    state: str = "running"


def jobs_in(text: str) -> list[Job]:
    """Return the jobs that began, from Snakemake's own log; the target is none."""
    jobs: dict[str, Job] = {}
    rule, outputs, is_error = "", tuple[str, ...](), False
    for line in text.splitlines():
        if found := re.match(r"((?:local)?rule|Error in rule) (\w+):$", line):
            rule, outputs, is_error = found[2], (), found[1].startswith("Error")
        elif found := re.match(r"    output: (.*)$", line):
            outputs = tuple(found[1].split(", "))
        elif (found := re.match(r"    jobid: (\d+)$", line)) and rule != "all":
            if not is_error:
                jobs[found[1]] = Job(rule, outputs)
            elif found[1] in jobs:
                jobs[found[1]].state = "failed"
        elif (found := re.match(r"Finished jobid: (\d+)", line)) and found[1] in jobs:
            jobs[found[1]].state = "ended"
    return list(jobs.values())


def running_in(text: str) -> list[Job]:
    """Return the jobs that began and did not end, from Snakemake's own log."""
    return [job for job in jobs_in(text) if job.state == "running"]


def processes_of(folder: Path) -> dict[int, str]:
    """Return number and command of each process that runs in a folder, by its working directory."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def jobs_of(folder: Path) -> list[int]:
    """Return the numbers of the processes of jobs that run in a folder."""
    return [number for number, command in processes_of(folder).items() if ".snakemake/scripts/" in command]


def kill(numbers: list[int]) -> None:
    """Kill processes that may be gone by now."""
    for number in numbers:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Wait until something holds, for so long at most; tell whether it does."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return bool(holds)


def moment_of(kills: Kills, process: subprocess.Popen[bytes], steps: int, chance: random.Random) -> bool:
    """Wait until so many more jobs ended and another one is at work; tell whether the run is still there."""
    folder = kills.study.folder
    before = set((folder / ".snakemake" / "log").glob("*.log"))

    def text() -> str:
        new = set((folder / ".snakemake" / "log").glob("*.log")) - before
        return max(new).read_text(errors="replace") if new else ""

    def is_reached() -> bool:
        ended = len(re.findall(r"^Finished jobid", text(), re.MULTILINE))
        # Jobs that went on may still run: it must be one of this run.
        return process.poll() is not None or (ended >= steps and bool(running_in(text())) and bool(jobs_of(folder)))

    wait_until(is_reached, 3600)
    if chance.random() < 0.4:  # while a file is being written
        wait_until(lambda: process.poll() is not None or any(kills.study.results.rglob(".*.partial*")), 3)
    else:
        time.sleep(chance.random() * 1.5)
    return process.poll() is None


def kill_once(kills: Kills, process: subprocess.Popen[bytes], way: str) -> str:
    """Kill a run in one of the `WAYS`; return the rules that were at work."""
    folder = kills.study.folder
    running = running_in(kills.log_text())
    rules = sorted({job.rule for job in running})
    if way == "job":
        jobs = jobs_of(folder)
        kill(jobs[:1])
        time.sleep(1.5)  # the scheduler tells and goes on
    if way in ("all", "job"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        kill([process.pid])
    process.wait()
    if way == "scheduler, jobs killed":
        kill(list(processes_of(folder)))
    if way != "scheduler, jobs go on":
        wait_until(lambda: not processes_of(folder), 600)
    else:
        kills.going_on.update(output for job in running for output in job.outputs)
    kills.rules.update(rules)
    kills.ways[way] += 1
    return ", ".join(rules)


def killed_often(kills: Kills, moments: int, seed: int, jobs: int) -> None:
    """Run a study, kill it at so many moments, and let it end. jobs: how many it has."""
    chance = random.Random(seed)
    for number in range(1, moments + 2):
        process = kills.start(number)
        if number > moments:
            process.wait()
        # On the average so many jobs that all moments together come to the end of the study.
        elif moment_of(kills, process, chance.randint(0, max(1, round(2 * jobs / moments) - 1)), chance):
            way = WAYS[number % len(WAYS)]
            rules = kill_once(kills, process, way)
            print(f"{number:3} {way}: {rules}", flush=True)
            if way != "scheduler, jobs go on":
                kills.check(f"moment {number} ({way}: {rules})")
            kills.unlock()
            continue
        if process.returncode:
            text = (kills.study.folder / f"run_{number}.txt").read_text()
            kills.faults.append(f"run {number} ended with {process.returncode}: {text[-3000:]}")
        break
    wait_until(lambda: not processes_of(kills.study.folder), 600)
    kills.check("the end", is_over=True)
    kills.check_lines()
    missing = {name for name, _ in files_below(kills.whole)} - {name for name, _ in files_below(kills.study.results)}
    kills.faults += [f"{name} is missing" for name in sorted(missing)]


def main() -> int:
    """Kill a study as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="where to run it, empty (default: a temporary one)")
    parser.add_argument("--whole", type=Path, help="results of a run without kills (default: made)")
    parser.add_argument("--overlay", type=Path, help="a configuration over config.yaml")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    overlay = yaml.safe_load(arguments.overlay.read_text(encoding="utf-8")) if arguments.overlay else None
    place = arguments.folder or Path(tempfile.mkdtemp(prefix="killed_"))
    print(f"Runs in {place}", flush=True)
    whole = arguments.whole
    if whole is None:
        undisturbed = Study(place / "whole")
        undisturbed.folder.mkdir(parents=True)
        run = undisturbed.snakemake(overlay=overlay)
        assert run.status == 0, run.text[-3000:]
        whole = undisturbed.results
    study = Study(place / "killed")
    study.folder.mkdir(parents=True)
    kills = Kills(study, whole, overlay)
    killed_often(kills, arguments.moments, arguments.seed, len(list((whole / "logs").rglob("*.log"))))
    print(f"\n{sum(kills.ways.values())} kills: {dict(kills.ways)}; {kills.locked} left a lock")
    print(f"{kills.checked} files compared, {kills.left} temporary files seen after kills")
    print(f"{len(kills.finished)} jobs finished; {kills.excused} ran again for jobs that went on")
    print("rules that were at work:", *(f"  {count:3} {rule}" for rule, count in sorted(kills.rules.items())), sep="\n")
    print(*(f"FAULT {fault}" for fault in kills.faults), sep="\n")
    return 1 if kills.faults else 0


if __name__ == "__main__":
    sys.exit(main())
