"""What is said of what a database of vulnerabilities answers; whether it can be reached, `make audit` finds out."""

import json
import sys
from pathlib import Path

import pytest

from . import vulnerabilities as module
from .vulnerabilities import Answer, accepted, answer_of, ask, verdict

REPORT = {
    "dependencies": [
        {"name": "numpy", "version": "2.4.6", "vulns": []},
        {
            "name": "pillow",
            "version": "13.0.0",
            "vulns": [{"id": "PYSEC-1", "fix_versions": ["13.0.1"], "aliases": ["CVE-1"], "description": "long"}],
        },
        {"name": "ours", "skip_reason": "Dependency not found"},
    ],
    "fixes": [],
}
OLD = ("PYSEC-1", "pillow")


def test_what_is_found_fails_unless_it_is_accepted() -> None:
    answer = answer_of(REPORT)
    assert (answer.known, answer.unknown) == ({"numpy", "pillow"}, {"ours"})
    lines, status = verdict(answer, {})
    assert status == 1
    assert lines[0].startswith("FAILED pillow 13.0.0 has the vulnerability PYSEC-1/CVE-1; mended in 13.0.1. Renew it")
    assert lines[1:] == ["1 pins no database knows: ours", "2 pins asked for, 1 vulnerabilities that are not accepted."]
    lines, status = verdict(answer, {OLD: "2026-11-28, not called"})
    assert status == 0 and lines[0].endswith("mended in 13.0.1. Accepted: 2026-11-28, not called")


def test_what_is_accepted_and_gone_is_told() -> None:
    lines, status = verdict(Answer(known={"pillow"}), {OLD: "2026-11-28, not called"})
    assert status == 0 and lines[0].startswith("PYSEC-1 of pillow is accepted and not found any more")


def test_pins_that_no_database_knows_are_not_called_sound() -> None:
    lines, status = verdict(Answer(unknown={"a", "b"}), {})
    assert (status, len(lines)) == (0, 1)
    assert lines[0].startswith(
        "SKIPPED: no database of vulnerabilities answers here for any of 2 pins; nothing is known"
    )


def test_what_one_database_does_not_know_the_next_is_asked_for(tmp_path: Path) -> None:
    """With programs in the place of pip-audit's Python, which answer as it does."""
    answers = {
        "pypi": {"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "no"}]},
        "osv": {"dependencies": [REPORT["dependencies"][1] | {"name": "b"}]},
    }
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nasked = open(sys.argv[sys.argv.index('-r') + 1]).read().split()\n"
        f"database = sys.argv[sys.argv.index('--vulnerability-service') + 1]\n"
        "assert asked == {'pypi': ['a==1', 'b==2'], 'osv': ['b==2']}[database]\n"
        f"print({ {name: json.dumps(each) for name, each in answers.items()} }[database])\n"
    )
    program.chmod(0o755)
    answer = ask(program, ["a==1", "b==2"])
    assert (answer.known, answer.unknown, list(answer.found)) == ({"a", "b"}, set(), [("PYSEC-1", "b")])
    program.write_text("#!/bin/sh\necho 'no connection' >&2\nexit 1\n")
    assert ask(program, ["a==1"]) == Answer(unknown={"a"})


def test_what_is_accepted_has_a_date_and_a_reason(tmp_path: Path) -> None:
    accepted()
    (tmp_path / "accepted.csv").write_text(f"{module.ACCEPTED.read_text().splitlines()[0]}\nPYSEC-1,pillow,,old\n")
    with pytest.raises(ValueError, match="lacks an identifier, a package, a date or a reason"):
        accepted(tmp_path / "accepted.csv")
