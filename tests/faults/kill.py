"""Kill a study again and again, and see that nothing is lost, half written or other than without kills.

    PYTHONPATH=workflow_scripts:tests/shared python -m tests.faults.kill --moments 60 --folder FOLDER [--overlay FILE]

The study runs in `FOLDER/killed` with two cores. It is killed with SIGKILL each time that some more of its jobs ended,
while others run or write, and started again as a user would: `--unlock`, then the same command. (`--unlock` empties a
folder of locks, and takes as long as a start does: after some times that is done here.) In turns are killed: all its
processes; one job; the scheduler alone, whose jobs then are waited for, are killed, too, or go on beside the next run.
After each kill

- every file under its final name must be that of a run without kills, in `--whole` or made in `FOLDER/whole`, byte for
  byte, but for those that hold times (`VARYING`), which must open and be whole;
- every file that an earlier run finished must still be the same file: finished work is not repeated.

At the end the same holds of all files, and none may be missing or left over. Prints a line per moment, then a table of
the rules that were hit; ends non-zero where anything failed.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..compare_results import VARYING as VARYING_COLUMNS
from ..compare_results import difference
from ..workflow.conftest import Study, environment_of_jobs

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
    rules: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    locked: int = 0
    checked: int = 0
    left: int = 0
    """temporary files that were found after kills"""
    finished: dict[str, tuple[int, int]] = field(default_factory=dict)
    """{file: inode and time of change} of what ended jobs wrote"""

    def start(self, number: int) -> subprocess.Popen[bytes]:
        """Start the study in a process group of its own."""
        with (self.study.folder / f"run_{number}.txt").open("w") as printed:
            return subprocess.Popen(
                self.study.command(overlay=self.overlay),
                cwd=self.study.folder,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=environment_of_jobs(),
                start_new_session=True,
            )

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
        running = running_rules(self.log_text())
        files = {name for _, outputs in running.values() for name in outputs}
        return {str(Path(name).relative_to(self.place)) for name in files if name.startswith(self.place)}

    @property
    def place(self) -> str:
        """The folder of results, from the folder of the study."""
        return str(self.study.results.relative_to(self.study.folder))

    def log_text(self) -> str:
        """What the newest log of Snakemake has."""
        logs = list((self.study.folder / ".snakemake" / "log").glob("*.log"))
        return max(logs, key=lambda path: path.name).read_text(errors="replace") if logs else ""

    def check(self, moment: str, *, is_over: bool = False) -> None:
        """Compare all files under final names with those without kills, and with those that were there before."""
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
            if VARYING.fullmatch(name):
                continue
            state = (path.stat().st_ino, path.stat().st_mtime_ns)
            if self.finished.get(name, state) != state:
                self.faults.append(f"{moment}: {name} was finished, and was written again")
            if name not in at_work:
                self.finished[name] = state
        for name in [name for name in self.finished if not (results / name).is_file()]:
            self.faults.append(f"{moment}: {name} was finished, and is gone")
            del self.finished[name]

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


def running_rules(text: str) -> dict[str, tuple[str, list[str]]]:
    """Return rule and outputs of each job that began and did not end, by its number, from Snakemake's own log."""
    running: dict[str, tuple[str, list[str]]] = {}
    rule, outputs = "", list[str]()
    for line in text.splitlines():
        if found := re.match(r"(?:local)?rule (\w+):$", line):
            rule, outputs = found[1], []
        elif found := re.match(r"    output: (.*)$", line):
            outputs = found[1].split(", ")
        elif found := re.match(r"    jobid: (\d+)$", line):
            running[found[1]] = (rule, outputs)
        elif found := re.match(r"Finished jobid: (\d+)", line):
            running.pop(found[1], None)
    return running


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
        return process.poll() is not None or (ended >= steps and bool(jobs_of(folder)))

    wait_until(is_reached, 3600)
    if chance.random() < 0.4:  # while a file is being written
        wait_until(lambda: process.poll() is not None or any(kills.study.results.rglob(".*.partial*")), 3)
    else:
        time.sleep(chance.random() * 1.5)
    return process.poll() is None


def kill_once(kills: Kills, process: subprocess.Popen[bytes], way: str) -> str:
    """Kill a run in one of the `WAYS`; return the rules that were at work."""
    folder = kills.study.folder
    rules = sorted({rule for rule, _ in running_rules(kills.log_text()).values() if rule != "all"})
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
    missing = {name for name, _ in files_below(kills.whole)} - {name for name, _ in files_below(kills.study.results)}
    kills.faults += [f"{name} is missing" for name in sorted(missing)]


def main() -> int:
    """Kill a study as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=60)
    parser.add_argument("--folder", type=Path, required=True, help="where to run it, empty")
    parser.add_argument("--whole", type=Path, help="results of a run without kills (default: made)")
    parser.add_argument("--overlay", type=Path, help="a configuration over config.yaml")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    overlay = yaml.safe_load(arguments.overlay.read_text(encoding="utf-8")) if arguments.overlay else None
    whole = arguments.whole
    if whole is None:
        undisturbed = Study(arguments.folder / "whole")
        undisturbed.folder.mkdir(parents=True)
        run = undisturbed.snakemake(overlay=overlay)
        assert run.status == 0, run.text[-3000:]
        whole = undisturbed.results
    study = Study(arguments.folder / "killed")
    study.folder.mkdir(parents=True)
    kills = Kills(study, whole, overlay)
    killed_often(kills, arguments.moments, arguments.seed, len(list((whole / "logs").rglob("*.log"))))
    print(f"\n{sum(kills.ways.values())} kills: {dict(kills.ways)}; {kills.locked} left a lock")
    print(f"{kills.checked} files compared, {kills.left} temporary files seen after kills")
    print("rules that were at work:", *(f"  {count:3} {rule}" for rule, count in sorted(kills.rules.items())), sep="\n")
    print(*(f"FAULT {fault}" for fault in kills.faults), sep="\n")
    return 1 if kills.faults else 0


if __name__ == "__main__":
    sys.exit(main())
