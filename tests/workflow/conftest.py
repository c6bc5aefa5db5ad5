"""Real workflow runs: a finished embedded study that tests copy, and what a dry run lists."""

import atexit
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from dermalign.classifiers.keras_settings import keras_backend
from dermalign.study.study import CACHE
from locks import pins
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
# Over a study that is run to its end for something else: of the sources beside a model's maps only one.
FEW_SOURCES: dict[str, Any] = {
    "controls": {"chance": ["shuffled"], "prior": [], "anatomy": []},
    "ceilings": {"maps": False, "grids": {"stop": 4}},
    "segmentation": {"networks": {"unet": None}},
    "faithfulness": {"pictures": 0},
    "sanity": {"pictures": 0},
}


@dataclass(frozen=True)
class Run:
    """What a run of Snakemake printed, and its exit status."""

    status: int
    text: str

    def jobs(self) -> dict[str, list[str]]:
        """The outputs of the jobs that a dry run lists, by rule; outputs of one rule's jobs are put together."""
        # A run that failed lists nothing, too.
        assert self.status == 0 and ("Job stats:" in self.text or "Nothing to be done" in self.text), self.text[-3000:]
        found: dict[str, list[str]] = {}
        rule = ""
        for line in self.text.splitlines():
            if match := re.match(r"(?:local)?rule (\w+):$", line):
                rule = match[1]
                found.setdefault(rule, [])
            elif match := re.match(r"    output: (.*)$", line):
                found[rule].extend(match[1].split(", "))
        found.pop("all", None)
        return found

    def changed(self) -> set[str]:
        """The rules that a dry run lists since their params, or their code, are not what they were."""
        return set(
            re.findall(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    reason: .*(?:Params|Code) ha", self.text, re.M)
        )

    def steps(self) -> list[str]:
        """The lines of the steps that ended, such as `[ 12/118] mask_cells 00001   3.2 s`."""
        return re.findall(r"^\[ *\d+/\d+\] .*$", self.text, re.MULTILINE)


@cache
def _hides_packages_of_tests() -> Path:
    """Return a folder that, on the Python path, makes packages that only tests need as if they were not installed."""
    folder = Path(tempfile.mkdtemp(prefix="hides_packages_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    of_tests = pins("requirements-test.lock").keys() - pins("requirements.lock").keys()
    for name, distributions in packages_distributions().items():
        if name.isidentifier() and of_tests.issuperset(map(canonicalize_name, distributions)):
            text = f"raise ModuleNotFoundError({f'{name} is among the packages of tests alone'!r}, name={name!r})\n"
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
    assert {path.stem for path in folder.iterdir()} >= {"jax", "sklearn", "pytest"}
    return folder


# What planning keeps for the next time, and each study of these tests would ask anew: what Keras says of models, by
# their settings and the code that asks, and what the real archives hold, by the version of each file.
KEPT = ("[0-9a-f]" * 16 + ".json", "entrance.real.json")


@cache
def _kept_answers() -> Path:
    """Return a folder of what studies of this process kept."""
    folder = Path(tempfile.mkdtemp(prefix="kept_answers_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _copy_kept(source: Path, target: Path) -> None:
    """Copy what planning kept from one folder to another, but for what is there."""
    for path in (path for pattern in KEPT for path in source.glob(pattern)):
        if not (target / path.name).exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / path.name)


def environment_of_jobs(**changes: str) -> dict[str, str]:
    """Return the environment of a run of Snakemake, with changes: its jobs find a user's packages, not those of tests.

    Keras would import scikit-learn, and TensorFlow JAX, where they find them: two fifths of the time that they take to
    start. Where JAX is the backend, nothing is hidden.
    """
    environment = {**os.environ, "VERBOSE": "", **changes}
    if keras_backend(environment) != "jax":
        paths = [str(_hides_packages_of_tests()), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


@dataclass(frozen=True)
class Study:
    """A working directory with a study in it, run by the code of a repository."""

    folder: Path
    code: Path = REPOSITORY

    def command(self, *arguments: str, overlay: dict[str, Any] | None = None) -> list[str]:
        """Return the command that runs Snakemake there; writes the overlay over config.yaml where one is given."""
        files = []
        if overlay is not None:
            path = self.folder / "overlay.yaml"
            path.write_text(yaml.safe_dump(overlay, sort_keys=False), encoding="utf-8")
            files = ["--configfile", str(path)]
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.code / "Snakefile"), "--cores", "2"]
        return [*command, "--directory", str(self.folder), *arguments, *files]

    def snakemake(self, *arguments: str, overlay: dict[str, Any] | None = None, **environment: str) -> Run:
        """Run Snakemake there, with an overlay over config.yaml where one is given."""
        kept = self.folder / CACHE
        _copy_kept(_kept_answers(), kept)
        process = subprocess.run(
            self.command(*arguments, overlay=overlay),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=environment_of_jobs(**environment),
            check=False,
        )
        _copy_kept(kept, _kept_answers())
        return Run(process.returncode, process.stdout)

    def started(self, printed: Path, *arguments: str, overlay: dict[str, Any] | None = None) -> subprocess.Popen[bytes]:
        """Start Snakemake there in a session of its own, so that all its processes can be held, or killed, at once."""
        _copy_kept(_kept_answers(), self.folder / CACHE)
        with printed.open("w") as stream:
            return subprocess.Popen(
                self.command(*arguments, overlay=overlay),
                cwd=self.folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment_of_jobs(),
                start_new_session=True,
            )

    @property
    def results(self) -> Path:
        """The results of the embedded study."""
        return self.folder / "results" / "embedded"


class Copy(Study):
    """A working directory whose study is run by a copy of the workflow's code, which may be changed."""

    def __init__(self, folder: Path) -> None:
        """Copy the code as it is in the repository."""
        super().__init__(folder, folder / "code")
        for name in ("rules", "schemas", "studies", "workflow_scripts", "envs", "profiles"):
            shutil.copytree(REPOSITORY / name, self.code / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", "config.yaml"):
            shutil.copy(REPOSITORY / name, self.code / name)

    @property
    def library(self) -> Path:
        """The copy of the package dermalign."""
        return self.code / "workflow_scripts" / "dermalign"

    @contextmanager
    def edited(self, module: str, *changes: tuple[str, str]) -> Iterator[None]:
        """Have other code in a module, such as `saliency.gradcam`: each first text replaced by the second."""
        path = self.library / f"{module.replace('.', '/')}.py"
        before = path.read_text(encoding="utf-8")
        after = before
        for old, new in changes:
            assert old in after, f"{module} does not have {old!r} any more: edit something else in this test"
            after = after.replace(old, new)
        path.write_text(after, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Run]:
    """The embedded study as `make run` does it, finished, and what was printed. To be read, not changed.

    Test processes side by side share it: the first that needs it runs it, others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "embedded"
    folder.mkdir(exist_ok=True)
    study, printed = Study(folder), folder.with_name("embedded.txt")
    with folder.with_name("embedded.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.is_file():
            run = study.snakemake()
            assert run.status == 0, run.text[-5000:]
            printed.write_text(run.text, encoding="utf-8")
    return study, Run(0, printed.read_text(encoding="utf-8"))


@pytest.fixture
def copied(finished: tuple[Study, Run], tmp_path: Path) -> Study:
    """A copy of the finished embedded study, to be changed at will."""
    shutil.copytree(finished[0].folder, tmp_path / "study", copy_function=shutil.copy2)
    return Study(tmp_path / "study")


@pytest.fixture
def empty(tmp_path: Path) -> Study:
    """An empty working directory."""
    return Study(tmp_path)


@pytest.fixture(scope="session")
def given() -> Callable[..., dict[str, Any]]:
    """A function: an overlay for a study of archives in the folder data, of an untrained network, with changes."""

    def overlay(archives: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return {
            "archives": {
                "folder": "data",
                "training_metadata": None,
                "evaluation_pictures": "pictures.zip",
                "evaluation_masks": "masks.zip",
                "lesion_masks": None,
                "diagnoses": ["diagnoses.csv"],
                "drawn": None,
                **archives,
            },
            "classes": ["MEL", "NV"],
            "evaluation_diagnoses": ["MEL", "NV"],
            "features": ["globules", "streaks"],
            "published": None,
            "models": {
                "plain": None,
                "residual": None,
                "small": {
                    "architecture": "plain_stack",
                    "input_size": 32,
                    "saliency_layer": "last_convolution",
                    "training": {"epochs": 0},
                },
            },
            "segmentation": {"networks": {"unet": None}},
            **changes,
        }

    return overlay


@pytest.fixture(scope="session")
def tiny() -> Callable[[], dict[str, Any]]:
    """An overlay for a study that is done in half a minute: few pictures, one model, one epoch."""
    return lambda: {
        "archives": {"drawn": {"training_pictures": 120, "evaluation_pictures": 20}},
        "models": {"residual": None, "plain": {"training": {"epochs": 1}}},
        **FEW_SOURCES,
        "batches": {"saliency": 1},
    }
