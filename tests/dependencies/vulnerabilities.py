"""Ask a database of vulnerabilities for every pin of the locks: `make audit`.

pip-audit asks, from an environment of its own: the package index first, then OSV. A vulnerability that is found is a
failure, unless accepted.csv beside this file names it, with the date and the reason. Where no database answers, nothing
is known, and that is said: a pin that no database knows is not a pin without vulnerabilities.
"""

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-gpu.lock")
ACCEPTED = Path(__file__).with_name("accepted.csv")
PIP_AUDIT = "pip-audit==2.10.1"
DATABASES = ("pypi", "osv")  # as pip-audit calls them
SECONDS = 120  # after which a database counts as not to be reached


@dataclass
class Answer:
    """What the databases say.

    known: pins that one of them knows; unknown: those that none knows; found: {(identifier, package): what to say}.
    """

    known: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    found: dict[tuple[str, str], str] = field(default_factory=dict)


def answer_of(report: Mapping[str, Any]) -> Answer:
    """Return what a report of pip-audit in JSON says."""
    answer = Answer()
    for each in report["dependencies"]:
        if "skip_reason" in each:
            answer.unknown.add(each["name"])
            continue
        answer.known.add(each["name"])
        for fault in each["vulns"]:
            mended = ", ".join(fault["fix_versions"]) or "no version yet"
            names = "/".join([fault["id"], *fault.get("aliases", [])])
            answer.found[fault["id"], each["name"]] = (
                f"{each['name']} {each['version']} has the vulnerability {names}; mended in {mended}"
            )
    return answer


def accepted(path: Path = ACCEPTED) -> dict[tuple[str, str], str]:
    """Return {(identifier, package): the date and the reason} of what is accepted.

    Raises ValueError for a row without a date or a reason.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if not all(row[column] for column in ("id", "package", "date", "reason")):
            raise ValueError(f"{path}: {row} lacks an identifier, a package, a date or a reason")
    return {(row["id"], row["package"]): f"{row['date']}, {row['reason']}" for row in rows}


def verdict(answer: Answer, taken: Mapping[tuple[str, str], str]) -> tuple[list[str], int]:
    """Return lines on an answer, and the status to end with: 1 where something is found that is not accepted."""
    lines = [f"{text}. Accepted: {taken[key]}" for key, text in sorted(answer.found.items()) if key in taken]
    faults = [text for key, text in sorted(answer.found.items()) if key not in taken]
    lines += [f"FAILED {text}. Renew it with `make lock`, or say in {ACCEPTED.name} why not." for text in faults]
    lines += [
        f"{identifier} of {package} is accepted and not found any more: take it out of {ACCEPTED.name}."
        for identifier, package in taken
        if answer.known and (identifier, package) not in answer.found
    ]
    if not answer.known:
        lines.append(
            f"SKIPPED: no database of vulnerabilities answers here for any of {len(answer.unknown)} pins; nothing is "
            "known of them."
        )
        return lines, 0
    if answer.unknown:
        lines.append(f"{len(answer.unknown)} pins no database knows: {', '.join(sorted(answer.unknown))}")
    lines.append(f"{len(answer.known)} pins asked for, {len(faults)} vulnerabilities that are not accepted.")
    return lines, 1 if faults else 0


def ask(python: Path, pins: Iterable[str]) -> Answer:
    """Ask the databases, one after the other, for pins as `name==version`; the second for what the first knows not."""
    waiting = {pin.partition("==")[0]: pin for pin in pins}
    whole = Answer()
    for database in DATABASES:
        if waiting and (report := _report(python, database, sorted(waiting.values()))):
            answer = answer_of(report)
            whole.known |= answer.known
            whole.found |= answer.found
            waiting = {name: pin for name, pin in waiting.items() if name not in answer.known}
    whole.unknown = set(waiting)
    return whole


def _report(python: Path, database: str, pins: Sequence[str]) -> dict[str, Any] | None:
    """Return the report of pip-audit, None where the database cannot be reached."""
    with TemporaryDirectory() as folder:
        asked = Path(folder) / "pins.txt"
        asked.write_text("\n".join(pins), encoding="utf-8")
        options = ["-r", str(asked), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
        command = [str(python), "-m", "pip_audit", "--vulnerability-service", database, *options]
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return None
    try:
        return dict(json.loads(run.stdout))
    except ValueError:  # it ends without a report where it reaches nothing
        return None


def main() -> int:
    """Ask for all pins of all locks, print what is found, and return the status."""
    sys.path.insert(0, str(REPOSITORY / "tests" / "shared"))
    import pytest
    from locks import pins
    from reference_environments import reference_python

    known = accepted()
    wanted: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in pins(lock).items():
            wanted.setdefault(name, set()).add(version)
    try:
        python = reference_python("pip-audit", [], [PIP_AUDIT])
    except (pytest.skip.Exception, AssertionError) as error:
        print(f"SKIPPED: pip-audit cannot be had here, so no pin was asked for: {str(error).strip()[-300:]}")
        return 0
    answer = Answer()
    for turn in range(max(map(len, wanted.values()))):  # a name has one version in all locks, or several
        part = ask(python, [f"{name}=={sorted(of)[turn]}" for name, of in wanted.items() if turn < len(of)])
        answer.known |= part.known
        answer.unknown |= part.unknown
        answer.found |= part.found
    lines, status = verdict(answer, known)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
