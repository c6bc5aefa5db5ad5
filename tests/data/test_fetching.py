"""Downloads from a real server on this machine that drops connections, changes files and forgets ranges."""

import hashlib
import io
import json
import logging
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dermalign.data.fetching import fetch
from dermalign.errors import InputError

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
CONTENT = random.Random(1).randbytes(700_001)  # not a multiple of the size of a chunk
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = 300_007


@dataclass
class Asked:
    """One request, and how many bytes of the file were sent for it."""

    headers: dict[str, str]
    sent: int = 0


@dataclass
class Site:
    """One file, and what the server does wrong; `stops[i]` ends the answer to request i after that many bytes."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    last_modified: str | None = None
    ranges: bool = True
    if_range: bool = True
    length: bool = True
    announced: int | None = None
    status: dict[int, int] = field(default_factory=dict)
    stops: dict[int, int] = field(default_factory=dict)
    before_stop: Callable[[], object] = lambda: None
    reset: bool = False
    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number, asked = len(site.asked), Asked(dict(self.headers))
            site.asked.append(asked)
            if number in site.status:
                self.send_error(site.status[number])
                return
            start, content, wanted = 0, site.content, self.headers["Range"]
            same = self.headers["If-Range"] in (None, site.etag, site.last_modified) or not site.if_range
            if wanted and site.ranges and same:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            if site.length:
                total = site.announced if site.announced is not None else len(content)
                self.send_header("Content-Length", str(total - start))
            for name, value in [("ETag", site.etag), ("Last-Modified", site.last_modified)]:
                if value:
                    self.send_header(name, value)
            self.end_headers()
            body = content[start : start + site.stops.get(number, len(content))]
            asked.sent = len(body)
            self.wfile.write(body)
            if number in site.stops:
                site.before_stop()
                if site.reset:  # the connection breaks, instead of ending
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()

        def log_message(self, *_: object) -> None:
            pass

        def finish(self) -> None:
            if not self.connection._closed:
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}/archive.zip"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "archive.bin"


def part(output: Path) -> Path:
    return output.with_name(f"{output.name}.part")


def only_the_file(output: Path) -> bool:
    return [path.name for path in output.parent.iterdir()] == [output.name]


def wait_for_size(path: Path, size: int) -> None:
    """Return when `path` has `size` bytes."""
    end = time.monotonic() + 8
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < end, f"{path} did not reach {size} bytes"
        time.sleep(0.01)


def a_zip(**options: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        archive.writestr("a.txt", b"0123456789" * 5000)
    return buffer.getvalue()


def test_plain_download(site: Site, output: Path) -> None:
    assert fetch(site.url, output, SHA256.upper()) == SHA256
    assert output.read_bytes() == CONTENT
    assert only_the_file(output)
    assert "Range" not in site.asked[0].headers


def test_nothing_is_asked_for_when_the_file_is_there(site: Site, output: Path) -> None:
    output.parent.mkdir()
    output.write_bytes(CONTENT)
    assert fetch(site.url, output, SHA256) == SHA256
    assert site.asked == []


def test_a_file_that_is_there_but_wrong_is_replaced(site: Site, output: Path) -> None:
    output.parent.mkdir()
    output.write_bytes(CONTENT[:-1])
    fetch(site.url, output, SHA256)
    assert output.read_bytes() == CONTENT


def test_an_empty_file(site: Site, output: Path) -> None:
    site.content = b""
    assert fetch(site.url, output, None) == hashlib.sha256(b"").hexdigest()
    assert output.read_bytes() == b""


@pytest.mark.parametrize("reset", [False, True])
def test_a_dropped_connection_is_resumed_and_no_byte_comes_twice(site: Site, output: Path, reset: bool) -> None:
    site.stops, site.reset = {0: HALF}, reset
    site.before_stop = lambda: wait_for_size(part(output), HALF)
    assert fetch(site.url, output, SHA256, pause=0.01) == SHA256
    assert output.read_bytes() == CONTENT
    first, second = site.asked
    assert (second.headers["Range"], second.headers["If-Range"]) == (f"bytes={HALF}-", '"one"')
    assert first.sent + second.sent == len(CONTENT)
    assert only_the_file(output)


def test_progress_resets_the_count_of_attempts(site: Site, output: Path) -> None:
    site.stops = dict.fromkeys(range(6), 100_000)
    assert fetch(site.url, output, None, attempts=2, pause=0.001) == SHA256
    assert sum(asked.sent for asked in site.asked) == len(CONTENT)


def test_without_range_support_it_starts_over(site: Site, output: Path) -> None:
    site.ranges, site.stops = False, {0: HALF}
    assert fetch(site.url, output, SHA256, pause=0.01) == SHA256
    assert [asked.sent for asked in site.asked] == [HALF, len(CONTENT)]


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("by", ["etag", "last_modified"])
def test_a_changed_file_is_not_glued_to_the_old_one(site: Site, output: Path, by: str, if_range: bool) -> None:
    new = CONTENT[::-1]
    site.etag, site.if_range, site.stops = None, if_range, {0: HALF}
    setattr(site, by, '"one"' if by == "etag" else "Mon, 01 Jan 2024 00:00:00 GMT")

    def change() -> None:
        site.content = new
        setattr(site, by, '"two"' if by == "etag" else "Tue, 02 Jan 2024 00:00:00 GMT")

    site.before_stop = change
    fetch(site.url, output, None, pause=0.01)
    assert output.read_bytes() == new
    assert site.asked[1].headers["Range"] == f"bytes={HALF}-"


def test_a_weak_etag_is_compared_but_not_sent(site: Site, output: Path) -> None:
    site.etag, site.stops = 'W/"one"', {0: HALF}
    fetch(site.url, output, SHA256, pause=0.01)
    assert site.asked[1].headers["Range"] == f"bytes={HALF}-"
    assert "If-Range" not in site.asked[1].headers


def test_nothing_is_resumed_when_nothing_could_tell_versions_apart(site: Site, output: Path) -> None:
    site.etag, site.stops = None, {0: HALF}
    fetch(site.url, output, None, pause=0.01)
    assert "Range" not in site.asked[1].headers
    assert output.read_bytes() == CONTENT


def test_with_a_checksum_it_is_resumed_even_then(site: Site, output: Path) -> None:
    site.etag, site.stops = None, {0: HALF}
    fetch(site.url, output, SHA256, pause=0.01)
    assert site.asked[1].headers["Range"] == f"bytes={HALF}-"


def leave_part(output: Path, content: bytes, **changes: object) -> None:
    output.parent.mkdir()
    part(output).write_bytes(content)
    version = {"url": "", "etag": '"one"', "last_modified": None, "length": None, **changes}
    part(output).with_name(f"{output.name}.part.json").write_text(json.dumps(version))


def test_416_on_a_whole_part_means_done(site: Site, output: Path) -> None:
    leave_part(output, CONTENT, url=site.url)
    assert fetch(site.url, output, None) == SHA256
    assert [asked.sent for asked in site.asked] == [0]


def test_416_on_a_part_that_is_too_long_starts_over(site: Site, output: Path) -> None:
    leave_part(output, CONTENT + b"more", url=site.url)
    assert fetch(site.url, output, None) == SHA256
    assert [asked.sent for asked in site.asked] == [0, len(CONTENT)]


def test_a_whole_part_needs_no_network(output: Path) -> None:
    leave_part(output, CONTENT, url="http://127.0.0.1:1/a", length=len(CONTENT))
    assert fetch("http://127.0.0.1:1/a", output, SHA256) == SHA256


@pytest.mark.parametrize("side_file", ["", "{}", '{"url": "http://other/"}', None])
def test_a_part_of_unknown_origin_is_not_used(site: Site, output: Path, side_file: str | None) -> None:
    leave_part(output, b"something else", url="http://127.0.0.1:1/other")
    if side_file is not None:
        part(output).with_name(f"{output.name}.part.json").write_text(side_file)
    fetch(site.url, output, SHA256)
    assert "Range" not in site.asked[0].headers


def test_a_file_of_unannounced_length(site: Site, output: Path) -> None:
    site.length = False
    assert fetch(site.url, output, SHA256) == SHA256


def test_wrong_checksum(site: Site, output: Path) -> None:
    with pytest.raises(InputError) as caught:
        fetch(site.url, output, "0" * 64)
    for words in ("archive.bin", site.url, "0" * 64, SHA256, "Run again", "by hand"):
        assert words in str(caught.value)
    assert list(output.parent.iterdir()) == []


def test_a_checksum_that_is_none_is_refused_before_the_download(site: Site, output: Path) -> None:
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        fetch(site.url, output, "d41d8cd98f00b204e9800998ecf8427e")
    assert site.asked == []


@pytest.mark.parametrize(("status", "words"), [(404, "no file at"), (403, "refuses"), (418, "answers 418")])
def test_what_no_other_attempt_mends(site: Site, output: Path, status: int, words: str) -> None:
    site.status = {0: status}
    with pytest.raises(InputError, match=words) as caught:
        fetch(site.url, output, None)
    assert site.url in str(caught.value)
    assert f"save it as {output}" in str(caught.value)
    assert len(site.asked) == 1


def test_a_busy_server_is_asked_again(site: Site, output: Path) -> None:
    site.status = {0: 503, 1: 429}
    assert fetch(site.url, output, SHA256, pause=0.01) == SHA256


def test_truncated_file(site: Site, output: Path) -> None:
    """The server announces more than it has: kept for the next run, never given its name."""
    site.announced, site.etag = len(CONTENT) + 10, None
    with pytest.raises(InputError, match=f"3 times in a row.* {len(CONTENT)} of {len(CONTENT) + 10} bytes"):
        fetch(site.url, output, None, attempts=3, pause=0.01)
    assert len(site.asked) == 3
    assert not output.exists()


def test_the_pause_grows(site: Site, output: Path, caplog: pytest.LogCaptureFixture) -> None:
    site.status = dict.fromkeys(range(4), 502)
    with pytest.raises(InputError, match="502"):
        fetch(site.url, output, None, attempts=4, pause=0.01)
    pauses = [float(r.message.split()[-2]) for r in caplog.records if "next attempt" in r.message]
    assert pauses == [0.01, 0.02, 0.04]


def start(site: Site, output: Path, before: str = "") -> "subprocess.Popen[str]":
    """A download in a process of its own."""
    code = f"import sys, pathlib, dermalign.data.fetching as f\n{before}\n"
    code += "f.fetch(sys.argv[1], pathlib.Path(sys.argv[2]), None)"
    command = [sys.executable, "-c", code, site.url, str(output)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("size", [1000, HALF])
def test_a_killed_download_is_resumed(site: Site, output: Path, size: int) -> None:
    killed = threading.Event()
    site.stops, site.before_stop = {0: size}, lambda: killed.wait(8)
    process = start(site, output)
    try:
        wait_for_size(part(output), size)
    finally:
        process.kill()
        process.communicate()
        killed.set()
    assert not output.exists()
    assert fetch(site.url, output, SHA256) == SHA256
    assert site.asked[1].headers["Range"] == f"bytes={size}-"
    assert site.asked[1].sent == len(CONTENT) - size
    assert only_the_file(output)


def test_a_file_that_cannot_be_written_is_resumed_later(site: Site, output: Path) -> None:
    process = start(site, output, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))")
    assert f"InputError: archive.bin: cannot write {part(output)}: File too large" in process.communicate()[1]
    assert part(output).stat().st_size == 100_000
    assert fetch(site.url, output, SHA256) == SHA256
    assert site.asked[1].headers["Range"] == "bytes=100000-"


def test_a_server_that_falls_silent(site: Site, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermalign.data.fetching.TIMEOUT", 0.3)
    site.stops, site.before_stop = {0: HALF}, lambda: time.sleep(2)
    assert fetch(site.url, output, SHA256, pause=0.01) == SHA256
    assert site.asked[1].headers["Range"] == f"bytes={HALF}-"


def test_too_large_for_the_disk(site: Site, output: Path) -> None:
    site.announced, site.stops = 10**18, {0: 0}
    with pytest.raises(InputError, match=r"1000000000.0 GB are to come, .* free"):
        fetch(site.url, output, None)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://nowhere.invalid/a.zip", "(no server called|cannot reach) nowhere.invalid"),
        ("http://127.0.0.1:1/a.zip", "cannot reach 127.0.0.1"),
        ("http://127.0.0.1:port/a.zip", "not a valid address"),
        ("http://127.0.0.1/a b.zip", "not a valid address"),
        ("http://127.0.0.1/é.zip", "not a valid address"),
        ("http://[/a.zip", "not a valid address"),
        ("ftp://127.0.0.1/a.zip", "https://"),
        ("archive.zip", "file:///path/to/archive.bin"),
        ("file://elsewhere/a.zip", "file:///path/to/archive.bin"),
        ("file:///nowhere/a.zip", "no file /nowhere/a.zip"),
    ],
)
def test_addresses_that_cannot_work(output: Path, url: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fetch(url, output, None, attempts=2, pause=0.01)
    assert not output.exists()


def test_a_file_of_this_computer(tmp_path: Path, output: Path) -> None:
    source = tmp_path / "a copy.zip"
    source.write_bytes(CONTENT)
    assert fetch(source.as_uri(), output, SHA256) == SHA256
    assert output.read_bytes() == source.read_bytes()
    assert only_the_file(output)


def test_a_zip_without_a_checksum_is_read_through(site: Site, output: Path) -> None:
    site.content = a_zip()
    fetch(site.url, output.with_suffix(".zip"), None)
    assert zipfile.is_zipfile(output.with_suffix(".zip"))


@pytest.mark.parametrize("compression", [0, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("at", [60, 80, -30])
def test_a_damaged_zip_is_found(site: Site, output: Path, compression: int, at: int) -> None:
    damaged = bytearray(a_zip(compression=compression))
    damaged[at] ^= 0xFF
    site.content = bytes(damaged)
    with pytest.raises(InputError, match="not a sound zip archive"):
        fetch(site.url, output.with_suffix(".zip"), None)
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_without_a_bound_is_not_unpacked(
    site: Site, output: Path, compression: int, caplog: pytest.LogCaptureFixture
) -> None:
    site.content = a_zip(compression=compression)
    fetch(site.url, output.with_suffix(".zip"), None)
    assert any("cannot be checked: packed with" in message for message in caplog.messages)


def test_a_zip_whose_members_overlap_is_refused(site: Site, output: Path) -> None:
    """As those of one that was made to fill a disk, each of which is sound."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", bytes(1000))
        archive.writestr("b", bytes(1000))
    directory = stream.getvalue()
    # Both entries of the directory lead to the first member.
    second = directory.rindex(b"PK\x01\x02")
    site.content = directory[: second + 42] + bytes(4) + directory[second + 46 :]
    with pytest.raises(InputError, match=r"not a sound zip archive.*overlap"):
        fetch(site.url, output.with_suffix(".zip"), None)
    assert list(output.parent.iterdir()) == []


def test_a_web_page_instead_of_the_archive_is_named(site: Site, output: Path) -> None:
    site.content = b"\n<!DOCTYPE html><html>Accept our terms</html>"
    with pytest.raises(InputError, match="It is a web page"):
        fetch(site.url, output.with_suffix(".zip"), None)


def test_the_log_has_a_line_at_each_tenth(tmp_path: Path, output: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(10 << 20))
    with caplog.at_level(logging.INFO, logger="dermalign"):
        fetch(source.as_uri(), output, None)
    lines = [record.message for record in caplog.records if " of 10.5 MB, " in record.message]
    assert len(lines) == 10
    assert lines[-1].startswith("archive.bin: 10.5 MB of 10.5 MB, ")


def test_the_script_in_a_workflow(site: Site, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "rule fetch:\n"
        "    output: 'raw/archive.bin'\n"
        "    params: url=config['url'], sha256=config['sha256']\n"
        "    log: 'logs/fetch.log'\n"
        f"    script: {str(SCRIPTS / 'fetch_archive.py')!r}\n"
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all", "--config", f"url={site.url}"]
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([*command, f"sha256={SHA256}"], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "raw" / "archive.bin").read_bytes() == CONTENT
    assert SHA256 in (tmp_path / "logs" / "fetch.log").read_text()
