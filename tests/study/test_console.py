"""What a run prints: steps in short, errors and all that is unknown as Snakemake words it, the best thresholds."""

import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dermalign.study.console import (
    StepHandler,
    best_threshold_lines,
    constant_lines,
    estimate_line,
    failed_lines,
    place_lines,
    print_steps,
    start_lines,
    step_line,
    wants_own_words,
)
from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import LoggerManager
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent

logger = logging.getLogger("snakemake.logging")


class Printed(io.StringIO):
    """The standard error of a run, and the log file of Snakemake itself."""

    log: Path

    def taken(self) -> str:
        """Return what was printed since the last call."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Printed]:
    """What is printed where Snakemake sets its logging up as for a run, and then our lines take its own's place."""
    stream = Printed()
    monkeypatch.setattr(sys, "stderr", stream)
    manager = LoggerManager(logger, OutputSettings(show_failed_logs=True))
    manager.setup_logfile(workdir=tmp_path)
    (stream.log,) = map(Path, manager.get_logfile())
    print_steps(lambda: "all is there")
    yield stream
    manager.stop()


def log_job(number: int, rule: str, **values: Any) -> None:
    """Log that a job starts, as snakemake.jobs does."""
    extra: dict[str, Any] = {
        "event": LogEvent.JOB_INFO,
        "jobid": number,
        "rule_msg": None,
        "rule_name": rule,
        "local": True,
        "input": ["in.csv"],
        "output": ["out.csv"],
        "log": [],
        "benchmark": None,
        "wildcards": {},
        "reason": "Missing output files: out.csv",
        "resources": {},
        "priority": 0,
        "threads": 1,
        "indent": False,
        "is_checkpoint": False,
        "printshellcmd": True,
        "is_handover": False,
        "shellcmd": None,
    }
    logger.info(f" Rule: {rule}, Jobid: {number}", extra={**extra, **values})
    logger.info("Shell command: None", extra={"event": LogEvent.SHELLCMD, "shellcmd": None, "indent": False})


def log_finished(number: int, rule: str, done: int, total: int) -> None:
    """Log that a job ended, as Snakemake's scheduler does."""
    logger.info(f"Finished jobid: {number} (Rule: {rule})", extra={"event": LogEvent.JOB_FINISHED, "job_id": number})
    logger.info(None, extra={"event": LogEvent.PROGRESS, "done": done, "total": total})


def log_error(number: int, rule: str, **values: Any) -> None:
    """Log that a job failed, as snakemake.jobs does."""
    extra: dict[str, Any] = {
        "event": LogEvent.JOB_ERROR,
        "rule_name": rule,
        "rule_msg": None,
        "jobid": number,
        "input": [],
        "output": [],
        "log": [],
        "conda_env": None,
        "container_img": None,
        "aux": {},
        "indent": False,
        "shellcmd": None,
    }
    logger.error(f"Error in rule {rule}, jobid: {number}", extra={**extra, **values})


def test_steps_have_their_place_in_the_whole(printed: Printed) -> None:
    logger.info("Building DAG of jobs...")
    logger.info("Provided cores: 2", extra={"event": LogEvent.RESOURCES_INFO, "cores": 2})
    stats = {"mask_cells": 10, "table1": 1, "all": 1, "total": 12}
    logger.info("Job stats:\njob count", extra={"event": LogEvent.RUN_INFO, "stats": stats})
    logger.info("Select jobs to execute...")
    logger.info("Execute 1 jobs...", extra={"event": LogEvent.JOB_STARTED, "jobs": [5]})
    log_job(5, "mask_cells", wildcards={"batch": "00001"})
    log_finished(5, "mask_cells", 1, 12)
    log_job(0, "all")
    log_finished(0, "all", 2, 12)
    assert printed.taken().splitlines() == [
        "Finding out which steps there are to do.",
        "11 steps on 2 cores: 10 mask_cells, 1 table1",
        "[ 1/11] mask_cells 00001                                0.0 s",
    ]
    words = printed.log.read_text()
    for kept in ("Job stats:", "    output: out.csv", "Finished jobid: 5", "1 of 12 steps", "rule mask_cells:"):
        assert kept in words


def test_an_error_keeps_snakemakes_words_and_the_log(printed: Printed, tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    log.write_text("ERROR masks.zip lacks a mask\n")
    logger.info("", extra={"event": LogEvent.RUN_INFO, "stats": {"mask_cells": 2, "total": 2}})
    log_job(5, "mask_cells", wildcards={"batch": "00001"})
    files = [f"{number}.png" for number in range(500)]
    log_error(5, "mask_cells", log=[str(log)], input=files, output=["one", "two"])
    logger.error("Exiting because a job execution failed. Look above for error messages")
    logger.error("WorkflowError:\nAt least one job did not complete successfully.", extra={"event": LogEvent.ERROR})
    logger.info("Terminating processes on user request, this might take some time.")
    text = printed.taken()
    assert text.splitlines()[1].split() == ["[-/2]", "mask_cells", "00001", "FAILED", "after", "0.0", "s"]
    assert "Error in rule mask_cells:\n    message: None\n    jobid: 5\n" in text
    assert "    input: 0.png, 1.png, 2.png, and 497 more\n    output: one, two\n" in text
    assert f"Logfile {log}:" in text and "\nERROR masks.zip lacks a mask\n" in text
    assert "\n0 of 2 steps are done; failed: mask_cells 00001\nExiting because a job execution failed." in text
    assert "At least one job did not complete successfully." in text and "on user request" in text
    assert "499.png" in printed.log.read_text()


def test_a_step_that_is_tried_again_is_not_among_the_failed(printed: Printed) -> None:
    logger.info("", extra={"event": LogEvent.RUN_INFO, "stats": {"train": 1, "table1": 1, "total": 2}})
    for rule, number in (("train", 1), ("table1", 2), ("table1", 2)):
        log_job(number, rule)
        log_error(number, rule)
    log_job(1, "train")
    log_finished(1, "train", 1, 2)
    logger.error("Exiting because a job execution failed. Look above for error messages")
    text = printed.taken()
    assert "\n1 of 2 steps are done; failed: table1\n" in text and "\n[1/2] train " in text


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_warnings_errors_and_what_is_unknown_are_printed(printed: Printed, level: int) -> None:
    logger.log(level, "Building DAG of jobs takes long")
    logger.log(level, None, extra={"event": LogEvent.PROGRESS, "done": 3, "total": 4})
    logger.info("Something new.")
    assert printed.taken().splitlines() == [
        "Building DAG of jobs takes long",
        "3 of 4 steps (75%) done",
        "Something new.",
    ]


def test_a_record_that_another_release_makes_is_printed_as_that_does(printed: Printed) -> None:
    log_finished(77, "unknown", 1, 1)  # of no job that started
    logger.info("All jobs: 7", extra={"event": LogEvent.RUN_INFO, "stats": None})
    assert "Finished jobid: 77 (Rule: unknown)\nAll jobs: 7\n" in printed.taken()


def test_nothing_to_be_done_has_the_words_of_the_study(printed: Printed) -> None:
    logger.info(NOTHING_TO_BE_DONE_MSG)
    assert printed.taken() == "all is there\n"
    logger.info("", extra={"event": LogEvent.RUN_INFO, "stats": {"fetch": 1, "total": 1}})
    assert printed.taken() == "Nothing to be done: all that was asked for is there.\n"


def test_a_line_goes_over_the_progress_bar_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    own = logging.StreamHandler(Terminal())
    handler = StepHandler(own, lambda: None)
    for message in ("Building DAG of jobs...", "Select jobs to execute...", "a word", NOTHING_TO_BE_DONE_MSG):
        handler.emit(logging.LogRecord("snakemake.logging", logging.INFO, "", 0, message, None, None))
    assert own.stream.getvalue().splitlines() == [
        "",
        "\033[KFinding out which steps there are to do.",
        "",
        "\033[Ka word",
        "",
        f"\033[K{NOTHING_TO_BE_DONE_MSG}",
    ]


def test_a_logger_without_snakemakes_handler_stays_as_it_is() -> None:
    handler = logging.StreamHandler(io.StringIO())
    logger.addHandler(handler)
    try:
        before = list(logger.handlers)
        print_steps(lambda: None)
        assert logger.handlers == before
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("options", "environment", "wanted"),
    [
        ({}, {}, False),
        ({}, {"VERBOSE": "0"}, False),
        ({}, {"VERBOSE": ""}, False),
        ({}, {"VERBOSE": "1"}, True),
        ({"dryrun": True}, {}, True),
        ({"verbose": True}, {}, True),
        ({"printshellcmds": True}, {}, True),
        ({"quiet": {"rules"}}, {}, True),
    ],
)
def test_when_snakemakes_own_words_are_wanted(
    options: dict[str, Any], environment: dict[str, str], wanted: bool
) -> None:
    assert wants_own_words(OutputSettings(**options), environment) is wanted


def test_lines_of_steps() -> None:
    assert step_line(12, 118, "mask_cells 00001", "3.2 s").split() == [
        "[",
        "12/118]",
        "mask_cells",
        "00001",
        "3.2",
        "s",
    ]
    assert step_line(118, 118, "a", "3.2 s").startswith("[118/118] a ")
    assert len(step_line(1, 2, "model_statistics " + 200 * "x", "FAILED after 59 min 59 s")) <= 100


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cores": 1}, "1 step on 1 core: 1 table1"),
        ({"nodes": 100}, "1 step, at most 100 at a time in the cluster's queue: 1 table1"),
        ({"nodes": sys.maxsize}, "1 step: 1 table1"),
    ],
)
def test_where_the_steps_run(printed: Printed, values: dict[str, int], words: str) -> None:
    logger.info("Provided", extra={"event": LogEvent.RESOURCES_INFO, **values})
    logger.info("Provided resources: gpu=1", extra={"event": LogEvent.RESOURCES_INFO, "provided_resources": {}})
    logger.info("", extra={"event": LogEvent.RUN_INFO, "stats": {"table1": 1, "total": 1}})
    assert printed.taken() == f"{words}\n"


def test_start_and_failure_wrap_between_rules() -> None:
    batches = {f"gradcam_plain_{number:05}": 1 for number in range(40)}
    counts = {"draw_archives": 1, "mask_cells": 12, **batches, "table1": 1, "table2": 1, "jaccard_0": 3}
    assert start_lines(counts, " on 1 core") == [
        "58 steps on 1 core: 1 draw_archives, 12 mask_cells, 40 gradcam_plain, 2 table, 3 jaccard_0"
    ]
    lines = start_lines({f"rule_{letter * 9}": 3 for letter in "abcdefghijklmnop"}, "")
    assert max(map(len, lines)) <= 100 and len(lines) == 4
    assert all(line.startswith(("48 steps: 3 ", "  3 ")) for line in lines)
    assert failed_lines([], 3, 90) == ["3 of 90 steps are done."]
    lines = failed_lines([f"mask_cells {number:05}" for number in range(20)], 3, 90)
    assert max(map(len, lines)) <= 100 and all(line.startswith(("3 of 90", "  mask_cells 0")) for line in lines)


def best(models: list[str], methods: list[str], features: list[str]) -> pd.DataFrame:
    """Best thresholds of all of these, as statistics/best_thresholds.csv has them."""
    rows = [(model, method, feature) for model in models for method in methods for feature in features]
    table = pd.DataFrame(rows, columns=["model", "method", "feature"])
    return table.assign(threshold="0.300", n=5, j_mean=[0.1 + number / 1000 for number in range(len(rows))])


def test_best_thresholds_of_a_model_stand_beside_each_other() -> None:
    table = best(["plain", "residual"], ["gradcam", "shuffled"], ["globules", "union"])
    table.loc[table["feature"] == "union", ["threshold", "j_mean"]] = [None, float("nan")]
    assert best_threshold_lines(table, ["gradcam"]) == [
        "           plain               residual",
        "           gradcam             gradcam",
        "feature    threshold  mean J   threshold  mean J",
        "globules       0.300   0.100       0.300   0.104",
        "union              -       -           -       -",
    ]


def test_thresholds_read_as_numbers_look_the_same() -> None:
    table = best(["plain"], ["gradcam"], ["globules"])
    as_numbers = table.assign(threshold=table["threshold"].astype(float))
    assert best_threshold_lines(as_numbers, ["gradcam"]) == best_threshold_lines(table, ["gradcam"])


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize(("models", "longest"), [(1, 5), (7, 8), (3, 150)])
def test_wide_tables_go_on_below(width: int, models: int, longest: int) -> None:
    names = [f"{number}{'m' * longest}" for number in range(models)]
    table = best(names, ["gradcam", "gradcam_tiles"], ["globules", "f" * longest])
    lines = best_threshold_lines(table, ["gradcam", "gradcam_tiles"], width)
    assert max(map(len, lines)) <= width
    cells = [word for line in lines for word in line.split() if word.startswith("0.1")]
    assert sorted(cells) == sorted(f"{value:.3f}" for value in table["j_mean"])
    blocks = "\n".join(lines).split("\n\n")
    assert len({len(block.splitlines()) for block in blocks}) == 1  # each with its features


def test_no_best_thresholds_give_no_lines() -> None:
    assert best_threshold_lines(best([], [], []), ["gradcam"]) == []
    assert best_threshold_lines(best(["plain"], ["shuffled"], ["union"]), ["gradcam"]) == []


def test_places() -> None:
    lines = place_lines("results/mine")
    assert lines[0] == "  results/mine/README.md     all results in words, with links: look here first"
    assert max(map(len, lines)) <= 100


def test_an_estimate_is_passes_times_pictures_times_their_cost() -> None:
    # VGG16 at 450 x 450: 4,000 masks on 1,963 pictures are about 27 hours at 10 TFLOP/s.
    line = estimate_line("rise of vgg16", 4000, 1963, 62_000_000_000)
    assert line.startswith(
        "rise of vgg16: 4,000 passes through the network for each of 1,963 pictures: at least 27 h 02 min"
    )
    assert line.endswith(" on two cores of 100 GFLOP/s.")
    assert estimate_line("rise of mine", 10, 3, None).endswith("for each of 3 pictures, 30 in all.")


def test_constant_maps_are_counted_where_there_are_some() -> None:
    runs = pd.DataFrame({"model": ["a", "b"], "method": "gradcam", "maps": 1200, "degenerate": [0, 3]})
    (line,) = constant_lines(runs)
    assert line.startswith("gradcam of b: 3 of 1,200 maps are the same everywhere")
