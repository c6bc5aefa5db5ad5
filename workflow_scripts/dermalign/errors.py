"""The exceptions for what a user can mend."""

from collections.abc import Sequence


class InputError(Exception):
    """Bad input or configuration: the message names the file or key, what is wrong and what to do."""

    @property
    def sentences(self) -> list[str]:
        """The message, or each of several."""
        return [str(self)]


class InputErrors(InputError):
    """Several of them, found together."""

    def __init__(self, sentences: Sequence[str]) -> None:
        """Take the message of each."""
        super().__init__("\n".join(sentences))
        self._sentences = list(sentences)

    @property
    def sentences(self) -> list[str]:
        """The message of each."""
        return self._sentences
