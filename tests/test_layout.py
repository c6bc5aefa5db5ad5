"""The layout of the library: a package per stage, and imports that go in the direction of the data alone."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[1] / "workflow_scripts" / "dermalign"
STAGES = [
    "study",
    "data",
    "drawing",
    "classifiers",
    "segmentation",
    "saliency",
    "overlap",
    "results",
    "report",
    "explorer",
]
# What every stage may import, and what imports nothing of a stage.
COMMON = {"__init__", "errors", "files", "hdf5", "logs", "terms"}
MODULES = {".".join(path.relative_to(LIBRARY).with_suffix("").parts): path for path in sorted(LIBRARY.rglob("*.py"))}


def imports_of(module: str) -> set[str]:
    """Return the modules of this library that a module imports anywhere in it: at its top, in functions, for hints."""
    path = MODULES[module]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            origin = path.parents[node.level - 1].relative_to(LIBRARY).parts
            origin = (*origin, *(node.module.split(".") if node.module else ()))
            names = [".".join((*origin, alias.name)) for alias in node.names]
            # A name is a module of a package, or else something in a module, or in a package's `__init__`.
            packages = (".".join(origin), ".".join((*origin, "__init__")))
            found |= {next(known for known in (name, *packages) if known in MODULES) for name in names}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not any(name.partition(".")[0] == "dermalign" for name in names), f"{module}: import relatively"
    return found


def test_every_module_is_of_a_stage_or_common() -> None:
    tops = {module.partition(".")[0] for module in MODULES}
    assert tops == COMMON | set(STAGES)
    for stage in STAGES:
        assert f"{stage}.__init__" in MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_in_one_direction(module: str) -> None:
    stage = module.partition(".")[0]
    before = STAGES[: STAGES.index(stage) + 1] if stage in STAGES else []
    others = {name for name in imports_of(module) if name.partition(".")[0] not in {*before, *COMMON}}
    assert not others, f"{module} imports of a later stage"


def test_no_module_imports_itself_by_way_of_others() -> None:
    order = list(TopologicalSorter({module: imports_of(module) for module in MODULES}).static_order())
    assert len(order) == len(MODULES)


def test_no_stage_knows_snakemake() -> None:
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.partition(".")[0] == "snakemake" for name in names), path


def test_scripts_print_whole_lines_in_one_piece() -> None:
    """Jobs share the terminal: where Python does not buffer, a newline by itself may follow another job's line."""
    for path in sorted(LIBRARY.parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
                (end,) = [keyword.value for keyword in node.keywords if keyword.arg == "end"]
                assert ast.literal_eval(end) == "", path
                (text,) = node.args
                assert ast.unparse(text).endswith("\\n'"), path
