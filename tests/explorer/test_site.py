"""The explorer's pages: what policy they have, and one that holds all that it shows."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from dermalign.explorer.site import ASSETS, SCRIPTS, STYLE, page, whole_page, write_assets, write_data
from explorer_cases import delivered, read_part

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def policy(text: str) -> dict[str, list[str]]:
    """Return the policy of a page by directive."""
    match = POLICY.search(text)
    assert match
    parts = [part.split() for part in match[1].replace("&#39;", "'").split(";")]
    return {name: values for name, *values in parts}


def test_the_folder_s_page_allows_what_lies_beside_it_alone() -> None:
    assert policy(page()) == {
        "default-src": ["'none'"],
        "script-src": ["'self'", "file:"],
        "style-src": ["'self'", "file:"],
        "img-src": ["'self'", "file:", "data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    assert re.findall(r'<script src="assets/([^"]*)"></script>', page()) == list(SCRIPTS)
    assert not re.search(r"https?://", page()), "a page of a file asks nothing of anybody"


def test_every_asset_is_used_and_none_asks_for_anything_elsewhere(tmp_path: Path) -> None:
    write_assets(tmp_path / "assets")
    written = {path.name for path in (tmp_path / "assets").iterdir()}
    assert written == {STYLE, *SCRIPTS} == {path.name for path in ASSETS.iterdir()} - {"index.html.jinja"}
    for path in ASSETS.iterdir():
        addresses = set(re.findall(r"https?://[^\s\"'`]+", path.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path  # the name of a language
        if path.suffix == ".js":
            text = path.read_text(encoding="utf-8")
            assert "innerHTML" not in text and "eval(" not in text and "fetch(" not in text
            assert re.search(r"^\(function \(\) \{\n  \"use strict\";", text, re.M) and text.endswith("})();\n")


def test_one_page_holds_all_under_a_policy_of_its_own_parts() -> None:
    name = "</script><b>&\"'"
    text = whole_page([("study", {"study": name}), ("sources/0", [])], {"00000/00000": b"JPEG"})
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    styles = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert len(scripts) == len(SCRIPTS) + 1 and styles == [(ASSETS / STYLE).read_text(encoding="utf-8")]
    values = dict(delivered(line + "\n") for line in scripts[1].splitlines())
    image = f"data:image/jpeg;base64,{base64.b64encode(b'JPEG').decode()}"
    assert values == {"study": {"study": name}, "sources/0": [], "images/00000/00000": image}

    def digest(part: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"

    found = policy(text)
    assert found["script-src"] == [digest(script) for script in scripts]
    assert (found["style-src"], found["img-src"]) == ([digest(styles[0])], ["data:"])
    assert not re.search(r"(src|href)=\"(?!data:)", text.replace('href="data:,"', ""))


def test_data_are_whole_or_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "explorer" / "data"
    write_data(folder, [("study", 1), ("pictures/00000/00007", {"image": "é"})])
    assert read_part(folder, "study") == 1
    assert read_part(folder, "pictures/00000/00007") == {"image": "é"}

    def failing():
        yield "study", 2
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_data(folder, failing())
    assert read_part(folder, "study") == 1
    assert [path.name for path in folder.parent.iterdir()] == ["data"]
    write_data(folder, [("study", 3)])
    assert [path.name for path in folder.iterdir()] == ["study.js"]
