"""Try a reader with contents that Atheris (coverage-guided, libFuzzer) makes of its seeds, for some seconds.

    .venv/bin/python tests/fuzz/run_atheris.py TARGET --seconds 60 [--corpus FOLDER]

Says how many files were read, and ends with libFuzzer's status, not 0 where a reader did what it may not; the file is
then in the corpus's folder, `crash-...`. Atheris lives in an environment of its own, made at the first use; everything
else comes from the environment that runs this. TARGET `list` prints the targets.
"""

import argparse
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parents[2]
PATHS = [REPOSITORY, REPOSITORY / "workflow_scripts", REPOSITORY / "tests" / "shared"]
# The newest that has a wheel for each Python.
ATHERIS = ["atheris==3.0.0; python_version < '3.12'", "atheris==3.1.0; python_version >= '3.12'"]
# What is written in Python and read by ours: where a new line of it is reached, Atheris goes on from there.
INSTRUMENTED = ("dermalign", "zipfile", "PIL", "jsonschema", "csv", "json", "yaml")
LONGEST = 2**16  # bytes of a file that is tried; some seeds are longer
NO_NETWORK = 77  # status where Atheris cannot be had, as Automake has it for tests that were not made


def main() -> int:
    """Run libFuzzer on a target and return its status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--files", type=int, default=-1, help="how many to try at most")
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer's random numbers; 0 is another each time")
    parser.add_argument("--corpus", type=Path, help="where what was found is kept, and taken up again")
    given = parser.parse_args()
    sys.path[:0] = map(str, PATHS)
    if given.target == "list":
        from tests.fuzz.targets import TARGETS

        print("\n".join(TARGETS))
        return 0
    import pytest
    from reference_environments import reference_python

    try:
        python = reference_python("atheris", ATHERIS, [])
    except (pytest.skip.Exception, AssertionError) as error:
        print(f"Atheris cannot be had here, so nothing was tried: {error}")
        return NO_NETWORK
    with TemporaryDirectory() as folder:
        bounds = [f"-max_total_time={given.seconds}", f"-runs={given.files}", f"-seed={given.seed}"]
        return _run(python, given.target, bounds, given.corpus or Path(folder))


def _run(python: Path, target: str, bounds: list[str], corpus: Path) -> int:
    corpus.mkdir(parents=True, exist_ok=True)
    paths = [*map(str, PATHS), *(path for path in sys.path if path.endswith("site-packages"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    # A hang in C, which no signal ends, libFuzzer ends.
    options = [*bounds, "-timeout=30", "-rss_limit_mb=4096", f"-artifact_prefix={corpus}/", "-print_final_stats=1"]
    command = [str(python), __file__, "--inside", target, str(corpus), *options]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    (corpus / "log.txt").write_text(run.stdout + run.stderr, encoding="utf-8")
    tried = re.findall(r"number_of_executed_units: (\d+)", run.stderr)
    covered = re.findall(r"cov: (\d+)", run.stderr)
    told = run.stdout + "\n".join(line for line in run.stderr.splitlines() if not line.startswith(("#", "INFO")))
    status = run.returncode if tried else run.returncode or 1
    print(f"{target}: {tried[-1] if tried else 0} files were read, {covered[-1] if covered else 0} places covered")
    if status:
        print(told[-8000:])
    return status


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


def _inside(target: str, corpus: Path, options: list[str]) -> None:
    """Fuzz in the environment of Atheris."""
    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from tests.fuzz.targets import TARGETS, execute

    known = TARGETS[target]
    for number, content in enumerate(known.seeds()):
        (corpus / f"seed{number}").write_bytes(content)
    words = corpus / "words.dict"
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in known.tokens))
    execute(target, known.seeds()[0])  # so that what is prepared once is not taken for a leak

    def read(content: bytes) -> None:
        execute(target, content)

    files = corpus / "files"
    files.mkdir(exist_ok=True)
    for seed in corpus.glob("seed*"):
        seed.replace(files / seed.name)
    atheris.Setup([sys.argv[0], *options, f"-dict={words}", f"-max_len={LONGEST}", str(files)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        assert find_spec("atheris")
        _inside(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
    else:
        sys.exit(main())
