"""Processes that tests need."""

import os


def ended_process() -> int:
    """Return the number of a process that is not there any more."""
    number = os.fork()
    if number == 0:
        os._exit(0)
    os.waitpid(number, 0)
    return number
