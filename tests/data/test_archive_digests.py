"""Digests of archives: of zips and tables those that sha256sum prints, of folders those of their files."""

import hashlib
import zipfile
from pathlib import Path

from dermalign.data.archive_digests import COLUMNS, archive_digests, read_digests, write_digests


def test_zips_and_tables_have_the_digest_of_their_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/1.png", b"one")
        archive.writestr("x/2.png", b"two")
    (tmp_path / "t.csv").write_bytes(b"image\n")
    found = archive_digests({"archives.a": str(tmp_path / "a.zip"), "archives.t": str(tmp_path / "t.csv")})
    assert list(found.columns) == COLUMNS
    assert found["files"].tolist() == [2, 1]
    for row in found.to_dict("records"):
        content = Path(row["path"]).read_bytes()
        assert (row["bytes"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    write_digests(tmp_path / "archives.csv", found)
    assert read_digests(tmp_path / "archives.csv").to_dict("records") == found.to_dict("records")


def test_folders_of_equal_files_have_equal_digests(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "inside").mkdir(parents=True)
        (tmp_path / name / "inside" / "1.png").write_bytes(b"one")
        (tmp_path / name / "2.png").write_bytes(b"twotwo")

    def digest(name: str) -> tuple[int, int, str]:
        (row,) = archive_digests({"x": str(tmp_path / name)}).to_dict("records")
        return row["files"], row["bytes"], row["sha256"]

    lines = [
        f"{name}\t{len(content)}\t{hashlib.sha256(content).hexdigest()}\n"
        for name, content in (("2.png", b"twotwo"), ("inside/1.png", b"one"))
    ]
    assert digest("a") == digest("b") == (2, 9, hashlib.sha256("".join(lines).encode()).hexdigest())
    (tmp_path / "b" / "2.png").write_bytes(b"twotwO")
    assert digest("a") != digest("b")
    (tmp_path / "b" / "2.png").write_bytes(b"twotwo")
    (tmp_path / "b" / "2.png").rename(tmp_path / "b" / "3.png")
    assert digest("a") != digest("b")
