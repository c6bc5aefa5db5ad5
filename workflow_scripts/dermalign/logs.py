"""Progress on a terminal, plain lines in a log file, and user errors without a traceback."""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeVar

from .errors import InputError
from .files import check_digests, write_digests

logger = logging.getLogger("dermalign")
T = TypeVar("T")


@contextmanager
def job_log(
    path: str | Path, inputs: Iterable[str | Path] = (), outputs: Iterable[str | Path] = ()
) -> Iterator[logging.Logger]:
    """Send the library's log to the file at `path` (lines `time level message`) for the length of a job.

    It says when the job started and how long it took, so that no log is empty. What native libraries write to standard
    error goes there, too; Python's own standard error stays the terminal.

    inputs, outputs: files that the job reads and writes. As it ends, digests of the latter are written beside the log,
    suffix .sha256, with paths from the folder that `logs` lies in. What a job reads is compared with those of the job
    that wrote it: a file that was changed in between is found before a number of it counts.

    An `InputError` is printed on standard error and in the log in its own words and ends the process with exit
    status 1; any other exception goes to the log with its traceback and is raised on.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    digests, logs = path.with_suffix(".sha256"), _folder_of_logs(path)
    digests.unlink(missing_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.info("started")
        beginning = time.monotonic()
        try:
            with _native_messages_to(stream):
                check_digests(sorted(logs.rglob("*.sha256")), inputs, logs.parent)
                yield logger
                write_digests(digests, outputs, logs.parent)
            logger.info("ended after %.1f s", time.monotonic() - beginning)
        except InputError as error:
            logger.error("%s", error)
            print(f"\ndermalign: {error}\n", file=sys.stderr)
            raise SystemExit(1) from None
        except Exception:
            logger.exception("stopped by an error")
            raise
        finally:
            logger.removeHandler(handler)


def _folder_of_logs(path: Path) -> Path:
    """Return the folder `logs` that a log lies in, however deep, or else its own folder."""
    return next((folder for folder in path.parents if folder.name == "logs"), path.parent)


@contextmanager
def _native_messages_to(stream: TextIO) -> Iterator[None]:
    # TensorFlow greets with lines on the processor before any of its settings can stop it.
    terminal, python_stderr = os.dup(2), sys.stderr
    try:
        os.dup2(stream.fileno(), 2)
        if python_stderr.fileno() == 2:
            sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1)
        yield
    finally:
        sys.stderr = python_stderr
        os.dup2(terminal, 2)
        os.close(terminal)


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield `items`; show a bar on a terminal and log a line at each tenth of `total`."""
    from tqdm import tqdm  # imported here: most jobs are shorter than its import

    bar = tqdm(items, total=total, desc=what, disable=not sys.stderr.isatty(), leave=False)
    done_tenths = 0
    for number, item in enumerate(bar, start=1):
        yield item
        tenths = number * 10 // max(total, 1)
        if tenths > done_tenths:
            done_tenths = tenths
            logger.info("%s: %d of %d", what, number, total)
