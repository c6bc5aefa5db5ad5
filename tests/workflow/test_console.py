"""What a run prints: a line per step, the best thresholds, where everything lies; faults in words."""

import pandas as pd
import pytest

from .conftest import Run, Study

TABLE = "The best threshold of each feature"


def words_of_snakemake(study: Study) -> str:
    """The newest log of Snakemake itself."""
    return max((study.folder / ".snakemake" / "log").iterdir(), key=lambda path: path.name).read_text()


def test_a_run_prints_a_line_per_step_and_no_lists_of_files(finished: tuple[Study, Run]) -> None:
    run = finished[1]
    steps = run.steps()
    total = len(steps)
    assert [int(line[1 : line.index("/")]) for line in steps] == list(range(1, total + 1))
    assert steps[-1].startswith(f"[{total}/{total}] ")
    assert any("] mask_cells 00001 " in line for line in steps)
    for line in steps:
        assert len(line) <= 100 and line.endswith(" s")
    assert f"\n{total} steps on 2 cores: " in run.text and " 1 draw_archives, " in run.text
    # Beside the steps: what jobs print, how many there are of each rule, the table, the places.
    assert len(run.text.splitlines()) < total + 100
    for unwanted in ("input:", "output:", "jobid", "Select jobs", "resources:", "InitializeLog"):
        assert unwanted not in run.text
    assert "leakage account: in the split train" in run.text


def test_it_ends_with_the_best_thresholds_and_the_places(finished: tuple[Study, Run]) -> None:
    study, run = finished
    end = run.text[run.text.index(TABLE) :]
    best = pd.read_csv(study.results / "statistics" / "best_thresholds.csv")
    best = best[best["method"].isin(["gradcam", "segmentation"])]
    assert sorted(set(best["model"])) == ["plain", "residual", "unet"] and len(best) == 3 * 6
    rows = [line.split() for line in end.splitlines()]
    for feature, of_models in best.sort_values("model").groupby("feature"):
        numbers = [f"{number:.3f}" for row in of_models.itertuples() for number in (row.threshold, row.j_mean)]
        assert [feature, *numbers] in rows
    assert "shuffled" not in end
    table, places = end.split("\n  results/", 1)
    assert max(map(len, table.splitlines())) <= 100
    for folder in ("figures", "statistics", "jaccard", "saliency", "classifiers", "manifest", "logs"):
        assert f"  results/embedded/{folder}/" in places
    assert ".snakemake.log\n" in places


def test_the_log_of_snakemake_has_its_own_words(finished: tuple[Study, Run]) -> None:
    words = words_of_snakemake(finished[0])
    for word in ("    output: results/embedded/", "Job stats:", "Finished jobid: ", "steps (100%) done", "reason: "):
        assert word in words


def test_no_log_of_a_job_is_empty(finished: tuple[Study, Run]) -> None:
    logs = list((finished[0].results / "logs").rglob("*.log"))
    assert len(logs) == len(finished[1].steps())
    for path in logs:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].endswith(" INFO started") and " INFO ended after " in lines[-1], path


def test_a_run_with_nothing_to_do_says_so_and_where_the_results_lie(copied: Study) -> None:
    run = copied.snakemake()
    assert run.status == 0 and TABLE not in run.text
    assert "\nNothing to be done: everything is up to date. The results lie in results/embedded/.\n" in run.text


@pytest.mark.slow
def test_no_table_where_it_was_not_asked_for(copied: Study) -> None:
    fetched = copied.snakemake("fetch")
    (copied.results / "tables" / "table2.md").unlink()
    one = copied.snakemake("results/embedded/tables/table2.md")
    again = copied.snakemake("results/embedded/tables/table2.md")
    for run in (fetched, one, again):
        assert run.status == 0, run.text
        assert TABLE not in run.text and "results/embedded/jaccard/" not in run.text
    assert "\nNothing to be done" in fetched.text and "\nNothing to be done" in again.text
    assert "\n1 step on 2 cores: 1 table2\n[1/1] table2 " in one.text


@pytest.mark.slow
def test_a_dry_run_and_verbose_have_snakemakes_own_words(copied: Study) -> None:
    (copied.results / "tables" / "table2.md").unlink()
    listed = copied.snakemake("-n")
    assert set(listed.jobs()) == {"table2", "study_record", "report_page"} and "This was a dry-run" in listed.text
    verbose = copied.snakemake(VERBOSE="1")
    assert verbose.status == 0 and TABLE in verbose.text and not verbose.steps()
    assert "    output: results/embedded/tables/table2.csv" in verbose.text
    assert "Finished jobid: 0 (Rule: all)\n4 of 4 steps (100%) done\n" in verbose.text


def test_a_failure_is_told_in_words(copied: Study) -> None:
    (copied.results / "statistics" / "best_thresholds.csv").write_text("damaged\n")
    assert copied.snakemake("--touch").status == 0  # for Snakemake, all is well with it
    (copied.results / "logs" / "merge_statistics.sha256").unlink()  # and for us, as of an earlier version
    for path in (copied.results / "tables").glob("table[12].md"):
        path.unlink()
    run = copied.snakemake()
    assert run.status != 0 and TABLE not in run.text
    assert len(run.steps()) == 1  # the other branch went on
    assert "\n[-/4] table2 " in run.text and " FAILED after " in run.text
    for word in (
        "Error in rule table2:",
        "    log: results/embedded/logs/table2.log",
        "Logfile results/embedded/logs/table2.log:",
        " ERROR stopped by an error\n",
        "KeyError: 'model'",
        "\n1 of 4 steps are done; failed: table2\n",
        "At least one job did not complete successfully.",
    ):
        assert word in run.text, run.text
    assert "Error in rule table2:" in words_of_snakemake(copied)


@pytest.mark.slow
def test_what_stops_a_run_before_its_first_step_is_printed(copied: Study) -> None:
    run = copied.snakemake("nowhere.csv")
    assert run.status != 0 and "No rule to produce nowhere.csv" in run.text
    locks = copied.folder / ".snakemake" / "locks"
    outputs = [str(path.relative_to(copied.folder)) for path in copied.results.rglob("*") if path.is_file()]
    (locks / "0.output.lock").write_text("\n".join(outputs))
    run = copied.snakemake()
    assert run.status != 0 and f"another run is at work in {copied.folder}." in run.text
    run = copied.snakemake("--unlock")
    assert run.status == 0 and "Unlocked working directory." in run.text
