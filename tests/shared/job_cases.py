"""Files of a job as its script gets them from Snakemake."""

from pathlib import Path
from typing import Any


class FilesOf(list[str]):
    """Files of a rule, some of them named, in lists or single, as Snakemake hands them to a script."""

    def __init__(self, *files: str, **named: Any) -> None:
        """Take files without a name, and those with one behind them."""
        super().__init__(files)
        for paths in named.values():
            self.extend(map(str, [paths] if isinstance(paths, str | Path) else paths))
        self._named = named

    def get(self, name: str, default: Any = None) -> Any:
        """Return what has a name, or a default."""
        return self._named.get(name, default)

    def __getattr__(self, name: str) -> Any:
        """Return what has a name."""
        return self._named[name]
