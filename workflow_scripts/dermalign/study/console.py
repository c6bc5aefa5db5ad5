"""What a run prints: a line per step as it ends, the best thresholds, where everything lies; errors in full."""

import copy
import logging
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .durations import duration

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 100
# Rules that only name what is to be made are no steps.
TARGETS = ("all", "fetch", "audit", "figures", "challenge")
# Snakemake's words where another run holds the folder; it begins with them.
LOCKED = "Directory cannot be locked"
# An error names so many files of a list; the log of Snakemake has them all.
FILES = 3

# Events of Snakemake that say nothing to a reader: the lines of the steps do.
SILENT_EVENTS = ("JOB_STARTED", "PROGRESS", "GROUP_INFO", "SHELLCMD", "RULEGRAPH")
# The same of messages that are no events. All that is not here is printed.
SILENT_MESSAGES = (
    "Assuming unrestricted shared filesystem usage",
    "Using shell:",
    "Group jobs: inactive",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Select jobs to execute",
    "SLURM run ID:",
    r"Job \d+ has been submitted with SLURM jobid",
    "Submitted array job",
)


def wants_own_words(settings: Any, environment: Mapping[str, str]) -> bool:
    """Tell whether Snakemake's own words are asked for: by VERBOSE=1, or by an option on what it prints.

    `settings` are Snakemake's `OutputSettings`.
    """
    options = ("dryrun", "verbose", "debug_dag", "printshellcmds", "quiet")
    return environment.get("VERBOSE", "0") not in ("", "0") or any(getattr(settings, name, None) for name in options)


def print_steps(up_to_date: Callable[[], str | None]) -> None:
    """Have Snakemake print a line per step instead of its own words; its log file keeps those.

    `up_to_date` gives the words for a run that has nothing to do, or None for Snakemake's own.
    """
    logger = logging.getLogger("snakemake.logging")
    for handler in logger.handlers:
        # Where a logger plugin prints, or a release of Snakemake goes about it differently, all stays as it is.
        if handler.name == "DefaultStreamHandler" and isinstance(handler, logging.StreamHandler):
            logger.removeHandler(handler)
            logger.addHandler(StepHandler(handler, up_to_date))
            return


class StepHandler(logging.Handler):
    """Prints what Snakemake logs in short, and what it does not know, warnings and errors as Snakemake does."""

    def __init__(self, own: "logging.StreamHandler[TextIO]", up_to_date: Callable[[], str | None]) -> None:
        """Print where `own`, Snakemake's own handler, prints."""
        super().__init__()
        self._own, self._up_to_date = own, up_to_date
        self._done, self._total, self._where = 0, 0, ""
        self._failed: list[str] = []
        # By the number of a job: its name, and when it started (on a cluster: when it was submitted).
        self._running: dict[int, tuple[str, float]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, or nothing."""
        try:
            lines = self._lines(record)
        except (AttributeError, KeyError, TypeError, ValueError):
            lines = None  # a record of another release of Snakemake: its own words are never wrong
        own = lines is None or (record.levelno >= logging.WARNING and LOCKED not in str(record.msg))
        if not lines and not own:
            return
        stream = self._own.stream
        if stream.isatty() and os.environ.get("TERM") != "dumb":
            stream.write("\r\033[K")  # over the progress bar of a job, which draws itself again
        for line in lines or ():
            stream.write(f"{line}\n")
        stream.flush()
        if own:
            self._own.handle(_with_few_files(record))

    def _lines(self, record: logging.LogRecord) -> list[str] | None:
        """Return the lines for a record, before Snakemake's own words if it is a warning; None for the latter alone."""
        event, message = getattr(getattr(record, "event", None), "name", ""), str(record.msg)
        values: Any = record
        if event == "JOB_ERROR":
            return self._ended_in_error(values.jobid, record.created)
        if message.startswith("Exiting because a job execution failed"):
            return failed_lines(self._failed, self._done, self._total)
        if LOCKED in message:
            return locked_lines(str(Path.cwd()))
        if record.levelno >= logging.WARNING or event == "WORKFLOW_STARTED":
            return []
        if event == "RESOURCES_INFO":
            self._where = _where(record) or self._where
            return []
        if event == "RUN_INFO":
            counts = {rule: count for rule, count in values.stats.items() if rule not in (*TARGETS, "total")}
            self._total = sum(counts.values())
            return start_lines(counts, self._where)
        if event == "JOB_INFO":
            self._running[values.jobid] = (step_name(values.rule_name, values.wildcards.values()), record.created)
            return []
        if event == "JOB_FINISHED":
            return self._finished(values.job_id, record.created)
        if event in SILENT_EVENTS or any(re.match(pattern, message) for pattern in SILENT_MESSAGES):
            return []
        if message.startswith("Building DAG of jobs"):
            return ["Finding out which steps there are to do."]
        if message.startswith("Nothing to be done"):
            words = self._up_to_date()
            return None if words is None else [words]
        return None

    def _finished(self, number: int, now: float) -> list[str]:
        name, started = self._running.pop(number)
        if name in TARGETS:
            return []
        self._done += 1
        self._failed = [other for other in self._failed if other != name]  # it was tried again
        return [step_line(self._done, self._total, name, duration(now - started))]

    def _ended_in_error(self, number: int, now: float) -> list[str]:
        if number not in self._running:
            return []
        name, started = self._running.pop(number)
        self._failed = [*(other for other in self._failed if other != name), name]
        return [step_line(None, self._total, name, f"FAILED after {duration(now - started)}")]


def _where(record: logging.LogRecord) -> str:
    cores, nodes = getattr(record, "cores", None), getattr(record, "nodes", None)
    if cores is not None:
        return f" on {cores} core{'' if cores == 1 else 's'}"
    limited = nodes is not None and nodes != sys.maxsize
    return f", at most {nodes} at a time in the cluster's queue" if limited else ""


def _with_few_files(record: logging.LogRecord) -> logging.LogRecord:
    shortened = copy.copy(record)
    for key in ("input", "output"):
        files = getattr(record, key, None)
        if isinstance(files, list) and len(files) > FILES + 1:
            setattr(shortened, key, [*files[:FILES], f"and {len(files) - FILES} more"])
    return shortened


def start_lines(counts: Mapping[str, int], where: str, width: int = WIDTH) -> list[str]:
    """Return how many steps there are, and of which rules; rules that differ in a number at the end count as one."""
    total = sum(counts.values())
    if total == 0:
        return ["Nothing to be done: all that was asked for is there."]
    together: dict[str, list[str]] = {}
    for rule in counts:
        together.setdefault(re.sub(r"_?\d+$", "", rule), []).append(rule)
    parts = [
        f"{sum(counts[rule] for rule in rules)} {stem if len(rules) > 1 else rules[0]}"
        for stem, rules in together.items()
    ]
    return _wrapped(f"{total} step{'' if total == 1 else 's'}{where}: ", parts, width)


def locked_lines(folder: str) -> list[str]:
    """Return what to say of a folder in which another run is at work, or one was killed."""
    return [
        f"dermalign: another run is at work in {folder}. Two at once would write over each other's results, so this "
        "one stops; it has changed nothing. Wait until the other ends.",
        "If none is at work, since it was killed or the machine lost power: run the same command with --unlock added, "
        "and then without.",
    ]


def failed_lines(names: Sequence[str], done: int, total: int, width: int = WIDTH) -> list[str]:
    """Return how far a run came that failed, and which steps did."""
    # A step whose files were not there after it ended is no failed job to Snakemake; its own words name it.
    return _wrapped(f"{done} of {total} steps are done{'; failed: ' if names else '.'}", names, width)


def _wrapped(text: str, parts: Iterable[str], width: int) -> list[str]:
    # The blanks within a part are none to break a line at.
    text += ", ".join(part.replace(" ", "\0") for part in parts)
    lines = textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def step_name(rule: str, wildcards: Iterable[str]) -> str:
    """Return the name of a job for a reader, such as `mask_cells 00001`."""
    return " ".join([rule, *map(str, wildcards)])


def step_line(number: int | None, total: int, name: str, took: str, width: int = WIDTH) -> str:
    """Return the line of a step that ended, such as `[ 12/118] mask_cells 00001   3.2 s`; no number: it failed."""
    place = f"[{'-' if number is None else number:>{len(str(total))}}/{total}] "
    return f"{place}{_clipped(name, width - len(place) - len(took) - 1):<42} {took:>10}".rstrip()


def best_threshold_lines(best_thresholds: "pd.DataFrame", methods: Sequence[str], width: int = WIDTH) -> list[str]:
    """Return the best thresholds as a table, a row per feature, a column per model and method of `methods`.

    `best_thresholds` has the columns model, method, feature, threshold, j_mean, of which the last two may be missing
    values. Columns that do not fit beside each other stand in a block below.
    """
    cells = {
        (str(row.model), str(row.method), str(row.feature)): (row.threshold, row.j_mean)
        for row in best_thresholds.itertuples()
    }
    features = list(dict.fromkeys(feature for _, _, feature in cells))
    models = list(dict.fromkeys(model for model, _, _ in cells))
    with_values = {(model, method) for model, method, _ in cells}
    sources = [(model, method) for model in models for method in methods if (model, method) in with_values]
    names = [_clipped(feature, width // 2) for feature in features]
    first = max((len(name) for name in ["feature", *names]), default=0)
    blocks: list[list[list[str]]] = []
    room = 0
    for model, method in sources:
        values = [_cell(*cells.get((model, method, feature), (None, None))) for feature in features]
        column = [_clipped(text, width - first - 3) for text in (model, method)] + [
            _cell("threshold", "mean J"),
            *values,
        ]
        size = 3 + max(map(len, column))
        if size > room:
            blocks.append([])
            room = width - first
        room -= size
        blocks[-1].append([f"{text:<{size - 3}}" for text in column])
    lines: list[str] = []
    for block in blocks:
        rows = zip(["", "", "feature", *names], *block, strict=True)
        lines += ["", *("   ".join([f"{name:<{first}}", *values]).rstrip() for name, *values in rows)]
    return lines[1:]


def _cell(threshold: Any, j_mean: Any) -> str:
    return f"{_value(threshold):>9}  {_value(j_mean):>6}"


def _value(value: Any) -> str:
    if isinstance(value, str) and not re.fullmatch(r"[\d.]+", value):
        return value
    return "-" if value is None or value != value else f"{float(value):.3f}"


def _clipped(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."


# Multiplications, each with an addition, in a second, at the most: of a GPU that does 10 TFLOP/s, and of two cores.
RATES = {"a GPU of 10 TFLOP/s": 5e12, "two cores of 100 GFLOP/s": 5e10}


def estimate_line(name: str, passes: int, pictures: int, multiply_adds: int | None) -> str:
    """Return what a costly saliency method takes, said before it starts.

    name: `{method} of {model}`. passes: through the network for a picture. multiply_adds: of a pass, None if unknown.
    """
    text = f"{name}: {passes:,} passes through the network for each of {pictures:,} pictures"
    if multiply_adds is None:
        return f"{text}, {passes * pictures:,} in all."
    times = [f"{duration(passes * pictures * multiply_adds / rate)} on {what}" for what, rate in RATES.items()]
    return f"{text}: at least {', or '.join(times)}."


def constant_lines(runs: "pd.DataFrame") -> list[str]:
    """Return a line for each saliency method that gave maps which are the same everywhere.

    runs: with the columns model, method, maps and degenerate.
    """
    return [
        f"{row['method']} of {row['model']}: {row['degenerate']:,} of {row['maps']:,} maps are the same everywhere; "
        "they are black at every threshold above 0."
        for row in runs.to_dict("records")
        if row["degenerate"]
    ]


def place_lines(results: str) -> list[str]:
    """Return where everything lies in the folder of a study's results."""
    places = {
        "README.md": "all results in words, with links: look here first",
        "report/": "index.html, the study as one page: to be opened in a browser",
        "explorer/": "index.html, every picture with its maps: likewise",
        "tables/": "tables 1 to 6, published values beside ours, and more",
        "figures/": "figures 1 to 5, and more",
        "statistics/": "all statistics behind them",
        "jaccard/": "Jaccard index per picture: {model}/{method}/{feature}/{threshold}.csv",
        "saliency/": "saliency maps: {model}/{method}/{image}.h5",
        "classifiers/": "classifiers, their history, predictions and metrics",
        "manifest/": "which pictures were used, and why others were not",
        "logs/": "a log per job",
    }
    return [f"  {results}/{name:<13} {what}" for name, what in places.items()]
