"""Downloads of archives of many gigabytes: resumed after an interruption, and checked before they get their name.

The bytes of `archive.zip` gather in `archive.zip.part`; `archive.zip.part.json` says which version of which file
they are the beginning of. Both stay when a connection drops or the process is killed, and the next run goes on
from there.
"""

import http.client
import json
import shutil
import socket
import ssl
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email.message import Message
from hashlib import file_digest
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, url2pathname, urlopen

from .. import __version__
from ..errors import InputError
from ..files import write_text
from ..logs import logger
from .archives import zipfile_of

CHUNK = 1 << 18
TIMEOUT = 60.0  # seconds without a byte until a connection counts as dropped
LONGEST_PAUSE = 60.0
WORTH_WAITING = {408, 425, 429, 500, 502, 503, 504}  # HTTP answers that may be different in a moment


class _Dropped(Exception):
    """The download stopped before its end in a way that another attempt may mend."""


class _Readable(Protocol):
    def read1(self, n: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class _Version:
    """What the server said about the file whose beginning is in `.part`."""

    url: str
    etag: str | None
    last_modified: str | None
    length: int | None

    def if_range(self) -> str | None:
        """The strongest thing to ask for "only if still the same file" with; a weak ETag is not allowed there."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def fits(self, headers: "Message[str, str]", total: int | None) -> bool:
        """Whether an answer speaks of the same version. Asked too, because not every server knows If-Range."""
        pairs = [
            (self.etag, headers["ETag"]),
            (self.last_modified, headers["Last-Modified"]),
            (self.length, total),
        ]
        return all(ours is None or theirs is None or ours == theirs for ours, theirs in pairs)


def fetch(url: str, output: Path, sha256: str | None, attempts: int = 5, pause: float = 2.0) -> str:
    """Download `url` (http, https or file) to `output` and return the file's SHA-256.

    A download that an earlier call left unfinished goes on where it stopped, if the server can do so and still has
    the same file. A dropped connection is taken up again; after `attempts` in a row that brought nothing new the
    download is given up. The pause between them starts with `pause` seconds and doubles. Without `sha256`, a .zip
    is checked against the CRCs that it contains.

    Raises InputError, with what to do, for a sha256 or an address that is none, where the server refuses or does not
    know the file, where it cannot be reached again and again, where the disk is full or cannot be written, and where
    what came is not the file that it should be: that is removed. What is there of `output` stays until all is well.
    """
    if sha256 is not None and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
        raise InputError(f"{output.name}: its sha256 {sha256!r} is not 64 hexadecimal digits. Correct it.")
    expected = sha256.lower() if sha256 else None
    scheme = _checked_scheme(url, output)
    if expected and output.is_file() and _sha256(output) == expected:
        logger.info("%s is already there and has the right checksum", output)
        return expected
    output.parent.mkdir(parents=True, exist_ok=True)
    part = _part(output)
    if scheme == "file":
        _copy_local(url, output)
    else:
        _download(url, output, expected is not None, attempts, pause)
    found = _checked_sha256(part, url, output, expected)
    part.replace(output)
    _side_file(part).unlink(missing_ok=True)
    logger.info("%s: %s, sha256 %s", output, _in_words(output.stat().st_size), found)
    return found


def _part(output: Path) -> Path:
    return output.with_name(f"{output.name}.part")


def _side_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _side_file(part).unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return file_digest(handle, "sha256").hexdigest()


def _in_words(size: int) -> str:
    for unit, name in [(10**9, "GB"), (10**6, "MB"), (10**3, "kB")]:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def _by_hand(output: Path) -> str:
    return (
        f"You can also place the file by hand: get it another way (a browser, a colleague's copy) and save it as "
        f"{output}, or give its place on this computer instead of the address: file:///path/to/{output.name}"
    )


def _checked_scheme(url: str, output: Path) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{output.name}: {url!r} is not a valid address ({error}). Correct it.") from None
    local = parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/")
    if not local and not (parts.scheme in ("http", "https") and parts.hostname):
        raise InputError(
            f"{output.name}: cannot download from {url!r}. Give an address that begins with https:// or http://, "
            f"or the whole path of a file on this computer after file://, for example file:///path/to/{output.name}"
        )
    return parts.scheme


def _copy_local(url: str, output: Path) -> None:
    source = Path(url2pathname(urlsplit(url).path))
    if not source.is_file():
        raise InputError(f"{output.name}: there is no file {source} (given as {url}). Correct the path.")
    part = _part(output)
    _forget(part)  # the rest of a download may lie there
    size = source.stat().st_size
    _check_space(output, size)
    try:
        handle = source.open("rb")
    except OSError as error:
        raise InputError(f"{output.name}: cannot read {source}: {error.strerror}.") from None
    with handle:
        try:
            copied = _append(handle, output, 0, size, size)
        except _Dropped as dropped:
            raise InputError(f"{output.name}: cannot read {source}: {dropped}.") from None
    if copied < size:
        raise InputError(f"{output.name}: {source} became shorter while it was copied. Run again.")


def _download(url: str, output: Path, has_checksum: bool, attempts: int, pause: float) -> None:
    """Fill `.part` to its end."""
    part = _part(output)
    failures, (furthest, _) = 0, _remembered(part, url, has_checksum)
    while True:
        try:
            if _attempt(url, output, has_checksum):
                return
        except _Dropped as dropped:
            reached = part.stat().st_size if part.exists() else 0
            failures = 1 if reached > furthest else failures + 1
            furthest = max(furthest, reached)
            if failures >= attempts:
                kept = f"What came ({_in_words(reached)}) is kept; the next run goes on from there if it can.\n"
                raise InputError(
                    f"{output.name}: the download from {url} failed {failures} times in a row: {dropped}.\n"
                    f"Look whether the network works and whether a browser can open the address.\n"
                    f"{kept if reached else ''}{_by_hand(output)}"
                ) from None
            wait = min(pause * 2 ** (failures - 1), LONGEST_PAUSE)
            logger.warning("%s: %s; next attempt in %g s", output.name, dropped, wait)
            time.sleep(wait)


def _remembered(part: Path, url: str, has_checksum: bool) -> tuple[int, _Version | None]:
    """How much is there to go on from, and of what. A `.part` that nothing vouches for is removed."""
    try:
        version = _Version(**json.loads(_side_file(part).read_text(encoding="utf-8")))
        size = part.stat().st_size
    except (FileNotFoundError, ValueError, TypeError):
        version, size = None, 0
    if version is None or version.url != url or (version.length is not None and size > version.length):
        _forget(part)
        return 0, None
    if version.length != size and not version.if_range() and not has_checksum:
        _forget(part)  # nothing would notice if the rest came from another version of the file
        return 0, None
    return size, version


def _attempt(url: str, output: Path, has_checksum: bool) -> bool:
    """Ask once for what is missing. True: `.part` is whole; False: it was of no use, ask from the beginning."""
    part = _part(output)
    offset, version = _remembered(part, url, has_checksum)
    if version and version.length == offset:
        return True
    headers = {"User-Agent": f"dermalign/{__version__}", "Accept-Encoding": "identity"}
    if version and offset:
        headers["Range"] = f"bytes={offset}-"
        if validator := version.if_range():
            headers["If-Range"] = validator
    try:
        response = _open(url, headers, output)
    except HTTPError as error:  # 416: nothing of the file lies beyond `offset`
        error.close()
        total = _content_range(error.headers)[1]
        if version and total == offset and version.fits(error.headers, total):
            return True
        logger.info("%s: the server has no byte %d of this file; starting over", output.name, offset)
        _forget(part)
        return False

    with response:
        coming = response.length
        if response.status == 206 and version and offset:
            start, total = _content_range(response.headers)
            if start != offset or not version.fits(response.headers, total):
                logger.info("%s: the file on the server has changed; starting over", output.name)
                _forget(part)
                return False
            total = total if total is not None else version.length
            _check_space(output, total, offset)
            logger.info("%s: going on after %s", output.name, _in_words(offset))
        elif response.status == 200:
            if offset:
                why = "the file has changed, or the server cannot resume"
                logger.info("%s: the server sends it from the beginning (%s)", output.name, why)
            total = coming
            _check_space(output, total, offset)
            _forget(part)
            offset = 0
            version = _Version(url, response.headers["ETag"], response.headers["Last-Modified"], total)
            write_text(_side_file(part), json.dumps(asdict(version)))
        else:
            raise InputError(
                f"{output.name}: {url} answers with HTTP status {response.status}, which is not a file.\n"
                f"Correct the address. {_by_hand(output)}"
            )
        done = _append(response, output, offset, coming, total)
    if total is not None and done != total:
        raise _Dropped(f"the connection ended after {done} of {total} bytes")
    if total is None:
        logger.warning("%s: the server does not say how long the file is", output.name)
    return True


def _open(url: str, headers: dict[str, str], output: Path) -> http.client.HTTPResponse:
    """The server's answer. An HTTPError leaves it only for status 416 to a request for a range."""
    host = urlsplit(url).hostname
    try:
        return urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        if error.code == 416 and "Range" in headers:
            raise
        error.close()
        if error.code in WORTH_WAITING:
            raise _Dropped(f"the server answers {error.code} {error.reason}") from None
        if error.code in (404, 410):
            what = f"there is no file at {url} (HTTP status {error.code}). It may have moved: correct the address."
        elif error.code in (401, 403):
            what = f"the server refuses {url} (HTTP status {error.code}): it may want a login or consent to terms."
        else:
            what = f"the server answers {error.code} {error.reason} for {url}."
        raise InputError(f"{output.name}: {what}\n{_by_hand(output)}") from None
    except (http.client.InvalidURL, ValueError) as error:
        raise InputError(f"{output.name}: {url!r} is not a valid address ({error}). Correct it.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME:
            what = f"no server called {host} can be found. Look for a typing error, or for a missing network"
        elif isinstance(reason, ssl.SSLCertVerificationError):
            what = f"the identity of {host} cannot be verified ({reason.verify_message})"
        else:
            raise _Dropped(f"cannot reach {host}: {reason or type(reason).__name__}") from None
        raise InputError(f"{output.name}: {what} (address: {url}).\n{_by_hand(output)}") from None


def _content_range(headers: "Message[str, str]") -> tuple[int | None, int | None]:
    """First byte and length of the file from `Content-Range: bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`."""
    span, _, total = (headers["Content-Range"] or "").removeprefix("bytes ").partition("/")
    start = span.partition("-")[0]
    return int(start) if start.isdecimal() else None, int(total) if total.isdecimal() else None


def _check_space(output: Path, total: int | None, have: int = 0) -> None:
    free = shutil.disk_usage(output.parent).free
    if total is not None and total - have > free:
        raise InputError(
            f"{output.name}: {_in_words(total - have)} are to come, and the disk of {output.parent} has "
            f"{_in_words(free)} free. Make room, or let the workflow write to another disk."
        )


def _append(source: _Readable, output: Path, offset: int, coming: int | None, total: int | None) -> int:
    """Append up to `coming` bytes (None: all) of `source` to `.part`; return the length that it then has."""
    done, end = offset, None if coming is None else offset + coming
    part = _part(output)
    try:
        with part.open("ab") as handle, _meter(output.name, offset, total) as show:
            while end is None or done < end:
                try:
                    chunk = source.read1(CHUNK if end is None else min(CHUNK, end - done))
                except (OSError, http.client.HTTPException) as error:
                    raise _Dropped(f"reading broke off after {done} bytes ({type(error).__name__})") from None
                if not chunk:
                    break
                handle.write(chunk)
                handle.flush()  # what has come is still there if the process is killed now
                done += len(chunk)
                show(len(chunk))
    except OSError as error:
        raise InputError(
            f"{output.name}: cannot write {part}: {error.strerror}. Make room, or mend the permissions, and run "
            f"again: the {_in_words(done)} that came are kept."
        ) from None
    return done


@contextmanager
def _meter(name: str, done: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the size of each piece: a bar on a terminal, a log line at each tenth."""
    from tqdm import tqdm  # imported here: most jobs are shorter than its import

    step = max(total // 10, 1) if total else 10**8
    steps, started, first = done // step, time.monotonic(), done
    terminal = sys.stderr.isatty()
    with tqdm(
        total=total, initial=done, desc=name, unit="B", unit_scale=True, disable=not terminal, leave=False
    ) as bar:

        def show(size: int) -> None:
            nonlocal done, steps
            done += size
            bar.update(size)
            if done // step > steps:
                steps = done // step
                speed = (done - first) / max(time.monotonic() - started, 1e-3)
                of = f" of {_in_words(total)}" if total else ""
                logger.info("%s: %s%s, %s/s", name, _in_words(done), of, _in_words(int(speed)))

        yield show


def _checked_sha256(part: Path, url: str, output: Path, expected: str | None) -> str:
    """The checksum of `.part`, which is removed if it is not the file that it should be."""
    found = _sha256(part)
    if expected is None:
        problem = _zip_problem(part) if output.suffix.lower() == ".zip" else None
        if problem is None:
            logger.warning("%s: no sha256 was given to compare with", output.name)
            return found
        wrong = f"what came from {url} is not a sound zip archive: {problem}"
        advice = "Run again. If that gives the same, the file is damaged at its source."
    elif found != expected:
        wrong = f"what came from {url} has the wrong checksum.\n  expected: {expected}\n  found:    {found}"
        advice = (
            "Run again: the download may have been damaged. If that gives the same, the file at this address is "
            "not the one that the sha256 was written for: ask its publisher, and change the sha256 only if the "
            "new file is what you want."
        )
    else:
        return found
    with part.open("rb") as handle:
        page = handle.read(200).lstrip().lower().startswith((b"<!doctype html", b"<html"))
    if page:
        advice = "It is a web page, perhaps one that asks to log in or to accept terms. Look at it in a browser."
    _forget(part)
    raise InputError(f"{output.name}: {wrong}\nIt has been removed. {advice}\n{_by_hand(output)}")


def _zip_problem(path: Path) -> str | None:
    try:
        with zipfile_of(path) as archive:
            damaged = archive.testzip()
    except (InputError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        return str(error)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed as is not read
        logger.warning("the contents of %s cannot be checked: %s", path.name, error)
        return None
    return f"its member {damaged} does not have the CRC that it should" if damaged else None
