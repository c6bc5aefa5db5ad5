"""What tests of tables share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a table as UTF-8, under a name of its own if one is given, and returns its path."""

    def write(text: str, name: str = "t.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write
