"""The Python that jobs are started with, as Snakemake writes it into their commands: unquoted."""

import re

from ..errors import InputError

# What a shell, or Snakemake's formatting, does not take as it stands in the middle of a word.
_NOT_PLAIN = re.compile(r"[\s\"'\\$`&;|<>(){}]")


def check_interpreter(path: str) -> None:
    """Raise InputError where the first job would die in the shell, since Python's path is not one word there."""
    if found := _NOT_PLAIN.search(path):
        character = "a blank" if found[0].isspace() else f"`{found[0]}`"
        raise InputError(
            f"{path}: the path of the environment that runs dermalign has {character} in it, and Snakemake cannot "
            "start jobs from there. Move the folder to a path without, or make the environment elsewhere."
        )
