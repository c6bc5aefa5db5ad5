"""The profile for SLURM and what docs/ say about it, against the rules, Snakemake and the executor as they are."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from dermalign.drawing.study_archives import archives_of
from dermalign.study.configuration import checked
from dermalign.study.study import Study as SettingsOfStudy
from feedback_cases import box, content, picture, write_zip

from .conftest import REPOSITORY, Study

sys.path.append(str(REPOSITORY / "benchmarks"))

import dag_scale

PROFILE = yaml.safe_load((REPOSITORY / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8"))
GUIDE = (REPOSITORY / "docs" / "cluster.md").read_text(encoding="utf-8")
PLAN = (REPOSITORY / "docs" / "planning.md").read_text(encoding="utf-8")


def named(rule: str) -> str:
    """Return what docs/ call a rule: rules that are made per model, source, batch or block share a name."""
    per_source = "gradcam|sanity|jaccard|fetch|maps|statistics|control_statistics|evaluation_predictions"
    per_source += "|train_segmentation|segmentation"
    shared = rf"^({per_source})_(?!by_threshold|targets|folds).*|^(table|figure)\d$"
    return re.sub(shared, lambda match: match[1] or match[2], rule)


class Planned:
    """The rules that a dry run of the embedded study lists: which are local, and what each asks for."""

    def __init__(self, text: str) -> None:
        self.submitted: set[str] = set()
        self.local: set[str] = set()
        self.asks: dict[str, dict[str, str]] = {}
        local = re.compile("|".join(dag_scale.local_rules()))
        for rule, lines in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", text, re.M):
            if rule == "all":
                continue
            (self.local if local.fullmatch(rule) else self.submitted).add(named(rule))
            resources = re.search(r"^    resources: (.*)$", lines, re.M)
            assert resources, rule
            self.asks[named(rule)] = dict(item.split("=", 1) for item in resources[1].split(", "))


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Planned]:
    """Dry runs of the first and of the second attempt, with the feedback of a reader."""
    study = Study(tmp_path_factory.mktemp("planned"))
    configuration = checked(yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8")))
    image = archives_of(SettingsOfStudy(configuration)).archived_images[0]
    marked = {image: picture((9, 7), [("streaks", box(1, 1, 4, 4))])}
    write_zip(study.folder / "anna.zip", content("embedded", configuration["features"], marked))
    overlay = {"feedback": {"anna": "anna.zip"}, "explorer": {"pictures": ["ISIC_0000116"]}}
    runs = {attempt: study.snakemake("-n", "--attempt", str(attempt), overlay=overlay) for attempt in (1, 2)}
    assert all(run.status == 0 for run in runs.values()), runs
    return {attempt: Planned(run.text) for attempt, run in runs.items()}


@pytest.fixture(scope="module")
def options() -> set[str]:
    """The options of Snakemake and of the executors that are installed."""
    command = [sys.executable, "-m", "snakemake", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--([a-z][a-z-]+)", text))


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its own head."""
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def rules_in(cells: Iterable[str]) -> set[str]:
    return {named(rule) for cell in cells for rule in re.findall(r"`(\w+)`", cell)}


def test_the_profile_sets_only_what_there_is(options: set[str]) -> None:
    # `partitions` is for the executor, which reads this file itself.
    assert set(PROFILE) - options == {"partitions"}


def test_arrays_are_of_rules_that_are_submitted(planned: dict[int, Planned]) -> None:
    arrays = {name.strip() for name in PROFILE["slurm-array-jobs"].split(",")}
    assert arrays
    assert arrays <= planned[1].submitted


def test_the_guide_says_where_every_rule_runs(planned: dict[int, Planned]) -> None:
    table = rows(GUIDE, "What runs where")
    submitted = rules_in(rule for rule, where, *_ in table if where.startswith("SLURM"))
    local = rules_in(rule for rule, where, *_ in table if where == "beside Snakemake")
    assert (submitted, local) == (planned[1].submitted, planned[1].local)
    arrays = rules_in(rule for rule, where, *_ in table if "array" in where)
    assert arrays == {name.strip() for name in PROFILE["slurm-array-jobs"].split(",")}


def test_the_guide_says_which_rules_want_a_gpu(planned: dict[int, Planned]) -> None:
    table = rows(GUIDE, "What runs where")
    wanting = {rule for rule, asks in planned[1].asks.items() if int(asks.get("gpu", 0))}
    with_gpu = {"train", "gradcam", "sanity", "faithfulness", "train_segmentation", "segmentation"}
    assert wanting == rules_in(rule for rule, _, _, asks in table if "GPU" in asks) == with_gpu


def test_a_second_attempt_asks_for_twice_the_memory_and_time(planned: dict[int, Planned]) -> None:
    for rule in planned[1].submitted:
        for resource in ("mem_mb", "runtime"):
            first, second = (int(planned[attempt].asks[rule][resource]) for attempt in (1, 2))
            assert second == 2 * first > 0, f"{rule}: {resource}"


def test_the_plan_tells_what_rules_ask_for(planned: dict[int, Planned]) -> None:
    table = rows(PLAN, "Memory and time that rules ask for")
    told = {rule: (memory, minutes) for cell, memory, minutes, *_ in table for rule in rules_in([cell])}
    asked = {rule: (asks["mem_mb"], asks["runtime"]) for rule, asks in planned[1].asks.items()}
    assert {rule: tuple(value.replace(",", "") for value in values) for rule, values in told.items()} == asked


def test_options_in_the_guide_are_options(options: set[str]) -> None:
    on_command_lines = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", GUIDE))
    in_the_profile = set(re.findall(r"`(slurm-[a-z-]+)", GUIDE))
    assert {"slurm-requeue", "slurm-efficiency-report"} <= in_the_profile
    others = {"me", "format", "cpus-per-task", "mail-type", "nv", "bind"}  # of squeue, sbatch and apptainer
    assert (on_command_lines | in_the_profile) - options == others & on_command_lines


@pytest.mark.parametrize("page", ["cluster.md", "planning.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
        path = (REPOSITORY / "docs" / target) if target else REPOSITORY / "docs" / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, (target, anchor)


@pytest.mark.slow
def test_an_image_is_asked_for_only_where_one_is_named(empty: Study, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "which"):  # what Snakemake needs; apptainer, if there is one, is hidden
        (programs / name).symlink_to(shutil.which(name) or name)
    arguments = ("-n", "--quiet", "--sdm", "apptainer")
    without = empty.snakemake(*arguments, PATH=str(programs))
    assert without.status == 0, without.text
    named_image = empty.snakemake(*arguments, overlay={"container": "docker://example/image:1"}, PATH=str(programs))
    assert named_image.status != 0
    assert "apptainer" in named_image.text
