"""Faults that the user can mend, gathered while a run is planned, so that all of them are told at once."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from ..errors import InputError

T = TypeVar("T")
SHOWN = 5  # of many faults of one kind


class Faults:
    """Sentences on what is to be mended before anything can be computed, in the order in which they were found."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.sentences)

    def add(self, *sentences: str) -> None:
        """Add sentences; what was said before is not said again."""
        self.sentences = list(dict.fromkeys([*self.sentences, *sentences]))

    def or_else(self, function: Callable[[], T], otherwise: T) -> T:
        """Return what a function returns, or `otherwise` where it raises InputError, whose words are added.

        The same where it finds no file: what archives are missing is told once, and not by all that would read them.
        """
        try:
            return function()
        except InputError as error:
            self.add(*error.sentences)
        except FileNotFoundError as error:
            if not self:
                self.add(f"{error.filename}: there is no such file. Correct the path.")
        return otherwise

    def words(self) -> str:
        """Return them all as words that follow `dermalign: `."""
        if len(self.sentences) == 1:
            return self.sentences[0]
        lines = "\n".join(f"- {sentence}".replace("\n", "\n  ") for sentence in self.sentences)
        return f"{len(self.sentences)} faults are to be mended before anything is computed:\n{lines}"


def some_of(faults: Iterable[str], of: str, shown: int | None = SHOWN) -> list[str]:
    """Return the first of many faults of one kind, and a sentence on how many more there are. of: what has them.

    shown: how many are told, None for all.
    """
    all_of_them = list(faults)
    told = all_of_them[:shown]
    more = len(all_of_them) - len(told)
    return [*told, *([f"{of}: {more} more faults of this kind."] if more > 0 else [])]
