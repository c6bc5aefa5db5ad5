"""The method's page names functions that are there."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = (REPOSITORY / "docs" / "method.md").read_text(encoding="utf-8")


def defined_in(path: Path) -> set[str]:
    """Names of the functions and classes of a module, read without importing it: some need seconds."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_function_that_the_method_names_is_there() -> None:
    named = set(re.findall(r"`dermalign\.([a-z_.]+)\.(\w+)`", PAGE))
    assert len(named) > 30
    missing = []
    for module, name in sorted(named):
        place = REPOSITORY / "workflow_scripts" / "dermalign" / module.replace(".", "/")
        is_module = place.is_dir() and (place / f"{name}.py").is_file()
        if not is_module and name not in defined_in(place.with_suffix(".py")):
            missing.append(f"dermalign.{module}.{name}")
    assert missing == []
