"""Names of rules that are made in a loop: Snakemake takes letters, digits and underscores, each name once."""

import re
from collections.abc import Iterable
from pathlib import Path


def names_of_files(paths: Iterable[str]) -> dict[str, str]:
    """Return {path: name} with names that can stand in a rule's name, all different.

    A name is that of the whole file, `bcn_zip` for `data/bcn.zip`; where another file has it already, with a number.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path in dict.fromkeys(paths):
        plain = re.sub(r"[^A-Za-z0-9_]", "_", Path(path).name)
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        names[path] = name
    return names
