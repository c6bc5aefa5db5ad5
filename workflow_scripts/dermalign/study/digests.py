"""What a rule's results depend on of code: its script and, of this library, what that imports.

Snakemake watches a script but not what it imports; rules have a digest of it among their params instead. It follows the
imports, through packages and from functions, too, so that an edit reruns the stages that use the module and no other.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..files import write_text

LIBRARY = Path(__file__).resolve().parents[1]
# What words messages and writes files whole changes no number.
NEUTRAL = ("errors", "files", "logs")
TELLING = ("logger", "log")
# By a module's content the names that it imports and the digest of its code: what was kept, and what was asked for.
_recalled: dict[str, list[Any]] = {}
_asked: dict[str, list[Any]] = {}


def content_digest(path: str | Path) -> str:
    """Return a short digest of a small file's bytes. Raises FileNotFoundError."""
    return bytes_digest(Path(path).read_bytes())


def bytes_digest(content: bytes) -> str:
    """Return a short digest of bytes, that `content_digest` gives of a file with these."""
    return hashlib.sha256(content).hexdigest()[:16]


def folder_digest(folder: str | Path) -> str:
    """Return a short digest of the names and contents of the files in a folder. Raises FileNotFoundError."""
    lines = (f"{path.name} {content_digest(path)}\n" for path in sorted(Path(folder).iterdir()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


@lru_cache
def code_digest(script: str | Path | None, *modules: str) -> str:
    """Return a digest of a script's code and of the modules of this library that it, or `modules`, import.

    script: a file beside the library, None for modules alone. modules: names in this library, `saliency.gradcam`.
    Comments, docstrings, type hints and the words of messages (what is raised with, logged or printed) do not count, so
    that only a change of what is computed reruns a stage.
    """
    digest = hashlib.sha256()
    files = [(_path(name), name) for name in sorted(imported_modules(script, *modules))]
    for path, name in [*([(Path(script), "")] if script else []), *files]:
        digest.update(_read(path, name)[1])
    return digest.hexdigest()[:16]


def imported_modules(script: str | Path | None, *modules: str) -> set[str]:
    """Return the names of the modules of this library that a script or `modules` (these included) depend on.

    Left out is what is imported for type hints alone, and `NEUTRAL`.
    """
    waiting = [*modules, *(_read(Path(script), "")[0] if script else [])]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found and name not in NEUTRAL:
            found.add(name)
            waiting.extend(_read(_path(name), name)[0])
    return found


def _path(module: str) -> Path:
    # Of a package its `__init__`, which may import, too.
    plain = LIBRARY / f"{module.replace('.', '/')}.py"
    return plain if plain.is_file() else LIBRARY / module.replace(".", "/") / "__init__.py"


def recall_code(path: str | Path) -> None:
    """Know again what an earlier process kept of the code that it read: reading it takes a quarter of a planning."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        kept = json.loads(Path(path).read_text(encoding="utf-8"))
        if kept["reader"] == _reader():
            _recalled.update(kept["read"])


def keep_code(path: str | Path) -> None:
    """Write what `recall_code` reads, where this process asked for something else; without it, the next reads anew."""
    if _asked != _recalled:
        with suppress(OSError):
            write_text(path, json.dumps({"reader": _reader(), "read": _asked}))


def _reader() -> str:
    # Another Python parses into other trees.
    return f"{content_digest(__file__)} {sys.version}"


@lru_cache
def _read(path: Path, module: str) -> tuple[tuple[str, ...], bytes]:
    """Return the modules of this library that a module, or a script (an empty name), imports, and its code's digest."""
    content = path.read_bytes()
    key = hashlib.sha256(f"{module}\n{path.name}\n".encode() + content).hexdigest()
    if key not in _asked:
        _asked[key] = _recalled.get(key) or _parsed(content, module, is_package=path.name == "__init__.py")
    names, digest = _asked[key]
    return tuple(name for name in names if _path(name).is_file()), digest.encode()


def _parsed(content: bytes, module: str, is_package: bool) -> list[Any]:
    tree = ast.parse(content)
    names = _imports(tree, module, is_package)  # before words are taken out of the tree
    return [names, hashlib.sha256(ast.dump(_Wordless().visit(tree)).encode()).hexdigest()]


def _imports(tree: ast.Module, module: str, is_package: bool) -> list[str]:
    """Return what may be modules of this library that a module imports: a name may be a function of a module, too."""
    found: list[str] = []
    for node in _used(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            found += [name.removeprefix("dermalign.") for name in names if name.startswith("dermalign.")]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, module, is_package)
            if origin is not None:
                found += [origin, *(".".join(filter(None, [origin, alias.name])) for alias in node.names)]
    return [name for name in dict.fromkeys(found) if name]


def _origin(node: ast.ImportFrom, module: str, is_package: bool) -> str | None:
    """Return the module or package of this library that an import is from, None for another library's."""
    if node.level:
        parts = module.split(".")
        package = parts[: len(parts) + is_package - node.level]
        return ".".join([*package, *([node.module] if node.module else [])])
    name = node.module or ""
    return name.partition(".")[2] if name == "dermalign" or name.startswith("dermalign.") else None


def _used(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a module but for what stands under `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if _is_for_hints(node):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _is_for_hints(node: ast.AST) -> bool:
    """Return whether a node is an `if TYPE_CHECKING:` that has no `else`."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


class _Wordless(ast.NodeTransformer):
    """Takes out of a module what only says something."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop docstrings, and calls that log or print."""
        value = node.value
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and _is_telling(value.func)):
            return None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Drop what is there for hints alone."""
        return None if _is_for_hints(node) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep of an exception its kind."""
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return ast.Raise(exc=kind, cause=None)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Drop the hint of a variable that is given a value; a field without one is what makes a dataclass."""
        self.generic_visit(node)
        return node if node.value is None else ast.Assign(targets=[node.target], value=node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Drop the hint of what is returned."""
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Drop the hint of an argument."""
        node.annotation = None
        return node


def _is_telling(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "print"
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id in TELLING
