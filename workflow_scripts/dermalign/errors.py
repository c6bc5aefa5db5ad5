"""The one exception for what a user can mend."""


class InputError(Exception):
    """Bad input or configuration: the message names the file or key, what is wrong and what to do."""
