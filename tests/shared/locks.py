"""The locks of requirements, read."""

import re
from pathlib import Path

from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


def entries(lock: str) -> list[str]:
    """Return a lock's entries, each with its hashes, as one line."""
    text = (REPOSITORY / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def pins(lock: str) -> dict[str, str]:
    """Return {name: version} of all that a lock pins."""
    found = {}
    for entry in entries(lock):
        match = PIN.match(entry)
        assert match, f"{lock} does not pin {entry[:60]}"
        found[canonicalize_name(match["name"])] = match["version"]
    return found
