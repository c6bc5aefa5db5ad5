"""What a reader may do with any content: give a value or an InputError, soon, in little memory, writing nothing."""

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SECONDS = 5  # of a processor, for one file
MEMORY = 2**29  # bytes that reading one file may add to what the process has
# What tells Python's audit hooks of a change on the disk, of code that is loaded, or of another process or machine.
_EVENTS = (
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"),
    *("pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket.connect"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_told: list[str] | None = None  # what was done while somebody watches


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _told is None:
        return
    if event in _EVENTS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING):
        _told.append(f"{event} {arguments[:2]}")


sys.addaudithook(_note)


class TooLong(BaseException):
    """Reading has taken `SECONDS`; no reader catches it."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong


@contextmanager
def watched(folder: Path, may_write: str = "") -> Iterator[None]:
    """Run a block that reads a file of a folder.

    Raises TooLong or MemoryError beyond `SECONDS` and `MEMORY`, and AssertionError where something was written. May
    be used in the main thread alone. may_write: what an opened path or a made folder begins with that is no fault.
    """
    global _told
    before, used = _files(folder), time.process_time()
    earlier = signal.signal(signal.SIGPROF, _stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY, hard))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    told: list[str] = []
    _told = told
    try:
        yield
    finally:
        _told = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, earlier)
    assert time.process_time() - used < SECONDS, "it took too long"
    done = [each for each in told if not may_write or may_write not in each]
    assert not done, f"reading did {done}"
    assert _files(folder) == before, "reading changed files"


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Return the files below a folder, with size and time of change."""
    found = []
    for inside, _, names in os.walk(folder):
        for name in names:
            status = (Path(inside) / name).stat()
            found.append((name, status.st_size, status.st_mtime_ns))
    return sorted(found)
