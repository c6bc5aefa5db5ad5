"""Digests of code: they follow what a script imports, change with what is computed, and with no word or layout."""

import ast
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

import pytest
from dermalign.study import digests
from dermalign.study.digests import (
    NEUTRAL,
    code_digest,
    content_digest,
    imported_modules,
    keep_code,
    recall_code,
)

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((REPOSITORY / "workflow_scripts").glob("*.py"))
RULES = "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "rules").glob("*.smk"))


def module_of(path: Path, library: Path) -> str:
    """Return a module's name in this library; a package's is its own, the library's is empty."""
    parts = path.relative_to(library).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [module_of(path, digests.LIBRARY) for path in sorted(digests.LIBRARY.rglob("*.py"))]
PACKAGES = [module_of(path, digests.LIBRARY) for path in sorted(digests.LIBRARY.rglob("__init__.py"))]


class Copy:
    """A copy of the scripts and the library, which may be edited; digests are asked of it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        self.scripts = Path(shutil.copytree(REPOSITORY / "workflow_scripts", folder / "scripts", ignore=ignored))
        self.library = self.scripts / "dermalign"
        patch.setattr(digests, "LIBRARY", self.library)
        # What is kept by content, and not by path alone: an edit is read, and all else is not read again.
        patch.setattr(digests, "_read", digests._read.__wrapped__)

    def path(self, module: str) -> Path:
        return digests._path(module)

    def of_scripts(self) -> dict[str, str]:
        """Return {script: digest}; every module is read once, as it is now."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(digests, "_read", cache(digests._read))
            patch.setattr(digests, "_path", cache(digests._path))
            return {path.name: code_digest.__wrapped__(path) for path in sorted(self.scripts.glob("*.py"))}

    def of(self, *modules: str) -> str:
        return code_digest.__wrapped__(None, *modules)

    def edit(self, module: str, old: str, new: str) -> None:
        text = self.path(module).read_text(encoding="utf-8")
        assert old in text
        self.path(module).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    return Copy(tmp_path, monkeypatch)


# What a script imports


@pytest.mark.slow
def test_modules_are_those_that_python_would_import(copy: Copy) -> None:
    """The oracle reads compiled code, functions too; what is there for hints alone is taken out before."""
    found = {script.name: imported_modules(copy.scripts / script.name) for script in SCRIPTS}
    for path in copy.library.rglob("*.py"):
        path.write_text(path.read_text(encoding="utf-8").replace("if TYPE_CHECKING:", "if 0:"), encoding="utf-8")
    for script in SCRIPTS:
        finder = ModuleFinder(path=[str(copy.scripts)])
        finder.run_script(str(copy.scripts / script.name))
        expected = {name.removeprefix("dermalign.") for name in finder.modules if name.startswith("dermalign.")}
        assert found[script.name] - set(PACKAGES) == expected - set(PACKAGES) - set(NEUTRAL), script.name
    assert sum(map(len, found.values())) > 3 * len(SCRIPTS)


def test_what_is_there_for_hints_alone_is_not_followed(copy: Copy) -> None:
    copy.path("terms").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .saliency.tiles import tiles\n", encoding="utf-8"
    )
    assert imported_modules(None, "terms") == {"terms"}
    copy.edit("terms", "if TYPE_CHECKING:", "if not TYPE_CHECKING:")
    assert imported_modules(None, "terms") == {"terms", *imported_modules(None, "saliency.tiles")}


def test_packages_are_followed_too(copy: Copy) -> None:
    copy.path("saliency").write_text(
        "from . import calling\nfrom .tiles import tiles\nfrom ..data import masks\n", "utf-8"
    )
    script = copy.scripts / "new.py"
    script.write_text("def late():\n    from dermalign import saliency\n    import dermalign.data.labels\n", "utf-8")
    found = imported_modules(script)
    assert {"saliency", "saliency.calling", "saliency.tiles", "data.masks", "data.labels"} <= found


def test_packages_hold_no_code() -> None:
    """A module is imported without its package being named: code there would be in no digest."""
    for package in PACKAGES:
        path = digests._path(package) if package else digests.LIBRARY / "__init__.py"
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        kinds = {type(statement) for statement in statements}
        assert kinds <= {ast.Expr, ast.Assign} and (not package or kinds <= {ast.Expr}), package


# Edits


def spans_of_words(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what the digest leaves out: hints, messages of errors, logging, printing, docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from [node.returns] if node.returns else []
        elif isinstance(node, ast.arg | ast.AnnAssign):
            yield from [node.annotation] if node.annotation else []
        elif isinstance(node, ast.Raise) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Constant)
        ):
            yield node


def edits_of(text: str) -> list[Callable[[], str]]:
    """Return what makes of a module's text one with another number, operator or comparison, for each that it has."""
    tree = ast.parse(text)
    wordy = {id(inner) for span in spans_of_words(tree) for inner in ast.walk(span)}
    operators = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mod}
    comparisons = {ast.Lt: ast.LtE, ast.Gt: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn}

    def edited(node: ast.AST, field: str, value: Any) -> str:
        before = getattr(node, field)
        setattr(node, field, value)
        found = ast.unparse(tree)
        setattr(node, field, before)
        return found

    edits = []
    for node in ast.walk(tree):
        if id(node) in wordy:
            continue
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            edits.append(partial(edited, node, "value", node.value + 1))
        elif isinstance(node, ast.BinOp) and type(node.op) in operators:
            edits.append(partial(edited, node, "op", operators[type(node.op)]()))
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in comparisons:
            edits.append(partial(edited, node, "ops", [comparisons[type(node.ops[0])](), *node.ops[1:]]))
    return edits


class Reworded(ast.NodeTransformer):
    """Changes every docstring, hint and message of a module."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = ast.Name("Another")
        node.body = [ast.Expr(ast.Constant("Said in other words.")), *node.body]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = [ast.Expr(ast.Constant("Said in other words.")), *node.body]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg, node.annotation and ast.Constant("Another"))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is not None:
            node.annotation = ast.Constant("Another")
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [ast.Constant("another message")], []
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant):
            return ast.Expr(ast.Constant("Said in other words."))
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in (
            "print",
            "logger.info",
            "logger.warning",
        ):
            node.value.args = [ast.Constant("another message")]
            return node
        return self.generic_visit(node)


def test_an_edit_of_what_is_computed_reruns_what_imports_it_and_nothing_else(copy: Copy) -> None:
    before = copy.of_scripts()
    importing = {script: imported_modules(copy.scripts / script) for script in before}
    edited = 0
    for module in MODULES:
        if module in PACKAGES:
            continue
        text = copy.path(module).read_text(encoding="utf-8")
        choices = edits_of(text) or [lambda text=text: f"{text}\nANOTHER = 1\n"]
        copy.path(module).write_text(random.Random(module).choice(choices)(), encoding="utf-8")
        after = copy.of_scripts()
        changed = {script for script in before if after[script] != before[script]}
        assert changed == {script for script, modules in importing.items() if module in modules}, module
        edited += 1
        copy.path(module).write_text(text, encoding="utf-8")
    assert copy.of_scripts() == before
    assert edited == len([module for module in MODULES if module not in PACKAGES]) > 100


@pytest.mark.slow
def test_words_comments_hints_and_layout_rerun_nothing(copy: Copy) -> None:
    before = copy.of_scripts()
    for module in MODULES:
        if module in PACKAGES:
            continue
        text = copy.path(module).read_text(encoding="utf-8")
        reworded = ast.unparse(ast.fix_missing_locations(Reworded().visit(ast.parse(text))))
        assert "\ndef " not in text or reworded != ast.unparse(ast.parse(text)), module
        copy.path(module).write_text(f"# A remark.\n{reworded}\n\n\n# Another.\n", encoding="utf-8")
        assert copy.of_scripts() == before, module


def test_a_script_counts_as_its_modules_do(copy: Copy) -> None:
    before = copy.of_scripts()
    script = copy.scripts / "train.py"
    text = script.read_text(encoding="utf-8")
    script.write_text("# A remark.\n" + text.replace('"""Train one classifier."""', '"""Said otherwise."""'), "utf-8")
    assert copy.of_scripts() == before
    script.write_text(text.replace("!= EXCLUDED", "== EXCLUDED"), "utf-8")
    after = copy.of_scripts()
    assert [name for name in before if after[name] != before[name]] == ["train.py"]


def test_what_stands_there_for_hints_alone_counts_as_a_hint(copy: Copy) -> None:
    before = copy.of("data.cell_files")
    copy.edit("data.cell_files", "    import pandas as pd\n\nBLOCK", "    import pandas\n\nBLOCK")
    assert copy.of("data.cell_files") == before


def test_comments_docstrings_and_layout_rerun_nothing(copy: Copy) -> None:
    before = copy.of("data.training_manifest"), copy.of("data.labels")
    for module in ("data.training_manifest", "data.labels", "data.archives"):
        path = copy.path(module)
        text = path.read_text(encoding="utf-8")
        text = re.sub(r'(?s)"""(.*?)"""', lambda match: f'"""Said in other words. {match[1]}"""', text)
        text = text.replace("\n\n\ndef ", "\n\n\n# A remark.\n\ndef ").replace("(path, ", "(\n        path,\n        ")
        path.write_text(text, encoding="utf-8")
        assert "# A remark." in text
    copy.edit("terms", 'UNION = "union"', "UNION = 'union'  # ")
    assert (copy.of("data.training_manifest"), copy.of("data.labels")) == before


def test_code_reruns_what_imports_it(copy: Copy) -> None:
    asked = [["data.training_manifest"], ["data.labels"], ["data.cell_files"], ["data.labels", "data.cell_files"]]
    asked.append(["drawing.plan"])
    before = [copy.of(*modules) for modules in asked]
    assert len(set(before)) == len(asked)

    copy.edit("data.diagnoses", '"nevus spilus"', '"nevus anemicus"')  # the training manifest imports it, too
    after = [copy.of(*modules) for modules in asked]
    assert [old != new for old, new in zip(before, after, strict=True)] == [True, True, False, True, False]

    copy.edit("terms", '"union"', '"any"')  # a word that several import
    last = [copy.of(*modules) for modules in asked]
    uses = ["terms" in imported_modules(None, *modules) for modules in asked]
    assert [old != new for old, new in zip(after, last, strict=True)] == uses
    assert uses[2] and uses[3] and not uses[1] and not uses[4]


def test_messages_and_the_writing_of_files_rerun_nothing(copy: Copy) -> None:
    before = copy.of_scripts()
    copy.edit("logs", "%(asctime)s", "%(created)s")
    copy.edit("files", ".partial", ".part")
    assert copy.of_scripts() == before


# As rules use them


def test_rules_name_scripts_and_modules_that_exist() -> None:
    scripts = set(re.findall(r'"\.\./workflow_scripts/(\w+\.py)"', RULES)) | set(re.findall(r'code_of\("(.*?)"', RULES))
    assert len(scripts) > 20
    assert scripts <= {path.name for path in SCRIPTS}
    for arguments in re.findall(r'code_of\("[^"]*"((?:, "[\w.]+")*)', RULES):
        assert set(re.findall(r'"([\w.]+)"', arguments)) <= set(MODULES)
    assert set(NEUTRAL) == {"errors", "files", "logs"} <= set(MODULES)  # all else computes something


def test_content_digest(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("image,diagnosis\n")
    second.write_text("image,diagnosis\n")
    assert content_digest(first) == content_digest(second)
    second.write_text("image,diagnosis\na,NV\n")
    assert content_digest(first) != content_digest(second)
    with pytest.raises(FileNotFoundError):
        content_digest(tmp_path / "none.csv")


# What one process reads of code, the next knows


@pytest.fixture
def fresh(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function after which nothing is known, as in a new process."""

    def forget() -> None:
        monkeypatch.setattr(digests, "_recalled", {})
        monkeypatch.setattr(digests, "_asked", {})

    forget()
    return forget


def test_code_that_was_kept_is_not_read_again_and_an_edit_is(
    copy: Copy, fresh: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept" / "code.json"
    before = copy.of("data.labels", "data.cell_files")
    keep_code(kept)
    fresh()
    recall_code(kept)
    with monkeypatch.context() as patch:
        patch.setattr(ast, "parse", lambda content: pytest.fail("it was read before"))
        assert copy.of("data.labels", "data.cell_files") == before
    copy.edit("terms", '"union"', '"any"')
    assert copy.of("data.labels", "data.cell_files") != before
    fresh()
    recall_code(kept)
    copy.of("data.labels")
    written = kept.read_bytes()
    keep_code(kept)
    assert set(json.loads(kept.read_text())["read"]) < set(json.loads(written)["read"])  # what is of no use goes


@pytest.mark.parametrize("content", ["", "[]", "{", '{"reader": "another", "read": {"key": [[], ""]}}'])
def test_a_file_of_kept_code_that_is_of_no_use_is_not_used(
    copy: Copy, fresh: Callable[[], None], tmp_path: Path, content: str
) -> None:
    before = copy.of("data.labels")
    kept = tmp_path / "code.json"
    kept.write_text(content)
    fresh()
    recall_code(kept)
    assert digests._recalled == {}
    assert copy.of("data.labels") == before
    recall_code(tmp_path / "none.json")
