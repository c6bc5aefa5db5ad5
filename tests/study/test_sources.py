"""The registry of map sources: every entry names a function that can be called as it says, and its schema holds."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from dermalign.study.digests import imported_modules
from dermalign.study.sources import (
    ANATOMY,
    CALLED_BY,
    CEILING,
    CHANCE,
    CLASSIFIER,
    CONTROLS,
    INDEPENDENT,
    KINDS,
    LESION_MASKS,
    LESIONS,
    MAPS,
    MASKS,
    METHOD,
    PICTURES,
    PRIOR,
    VARIANT,
    Origin,
    input_grid,
    kinds_of,
    same_grid,
    schema_parts,
    square_of_cells,
)
from jsonschema import Draft202012Validator

FAMILIES = (METHOD, VARIANT, *CONTROLS, CEILING, INDEPENDENT)
# Of each family's functions, what is not an option: what stands first, by place, and what is given by name.
FIXED = {METHOD: (3, {"logits"}), CHANCE: (2, set())} | {
    family: (1, set()) for family in (VARIANT, PRIOR, ANATOMY, CEILING, INDEPENDENT)
}
LIBRARY = Path(__file__).resolve().parents[2] / "workflow_scripts" / "dermalign"


def function_of(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found = getattr(import_module(f"dermalign.{module}"), function)
    assert callable(found)
    return found


def options_of(function: Callable[..., Any], first: int, named: set[str]) -> dict[str, inspect.Parameter]:
    """Return a function's parameters but the first and those that are named."""
    parameters = list(inspect.signature(function).parameters.items())[first:]
    return {name: parameter for name, parameter in parameters if name not in named}


@pytest.mark.parametrize("name", KINDS)
def test_options_are_the_parameters_of_the_function(name: str) -> None:
    kind = KINDS[name]
    function = function_of(kind.compute)
    first, named = FIXED[kind.family]
    assert named <= set(inspect.signature(function).parameters)
    parameters = options_of(function, first, named)
    if kind.family == CHANCE:  # the maps of a draw, and the draws by what calls it
        assert parameters == {}
        if not kind.options:
            return
        parameters = options_of(function_of(CALLED_BY[CHANCE]), 2, set())
    assert set(kind.options) == set(parameters)
    for option, parameter in parameters.items():
        assert parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        has_default = parameter.default is not inspect.Parameter.empty
        if kind.family == CHANCE:  # one draw, unless the kind draws at all
            assert parameter.default == 1
        elif has_default:
            assert kind.options[option]["default"] == parameter.default
        if kind.family in (PRIOR, ANATOMY):  # options that all controls share have their default in the configuration
            continue
        assert (option in kind.required) == (not has_default)


@pytest.mark.parametrize("name", KINDS)
def test_the_function_can_be_called_as_the_family_says(name: str) -> None:
    kind = KINDS[name]
    options = dict.fromkeys(kind.options)
    given = [object()] * FIXED[kind.family][0]
    own = {} if kind.family == CHANCE else options
    inspect.signature(function_of(kind.compute)).bind(*given, **own, **dict.fromkeys(FIXED[kind.family][1]))
    if kind.called_by:
        inspect.signature(function_of(kind.called_by)).bind(object(), object(), **options)
    assert kind.modules == [path.partition(":")[0] for path in (kind.compute, kind.called_by) if path]


@pytest.mark.parametrize("name", KINDS)
def test_an_option_is_required_or_has_a_default_that_its_schema_allows(name: str) -> None:
    kind = KINDS[name]
    assert kind.family in FAMILIES
    assert set(kind.needs) <= {CLASSIFIER, PICTURES, MAPS, MASKS, LESIONS, LESION_MASKS}
    assert set(kind.required) <= set(kind.options)
    for option, schema in kind.options.items():
        Draft202012Validator.check_schema(schema)
        assert ("default" in schema) != (option in kind.required)
        if "default" in schema:
            Draft202012Validator(schema).validate(schema["default"])
    # What draws says how often, and what does not has nothing to draw.
    assert kind.family != CHANCE or kind.draws == ("draws" in kind.options)


@pytest.mark.parametrize("name", KINDS)
def test_maps_depend_on_the_code_of_their_own_kind(name: str) -> None:
    """Not on the registry, which is planned with, nor on another kind's module, unless a method builds on others."""
    kind = KINDS[name]
    found = imported_modules(None, *kind.modules)
    assert set(kind.modules) <= found
    assert not {"study.sources", "study.configuration", "saliency.study_sources"} & found
    others = {module for other in KINDS.values() for module in other.modules} - set(kind.modules)
    assert kind.family == METHOD or not others & found


def test_grids_follow_from_options_and_origin() -> None:
    origin = Origin((7, 8), 224)
    assert same_grid({}, origin) == (7, 8)
    assert input_grid({}, origin) == (224, 224)
    assert square_of_cells({"cells": 48}, Origin()) == (48, 48)
    for name, kind in KINDS.items():
        options = {option: schema.get("default", 9) for option, schema in kind.options.items()}
        rows, columns = kind.grid(options, origin)
        assert rows > 0 and columns > 0, name


def test_families_are_in_the_order_of_the_registry() -> None:
    assert [name for family in FAMILIES for name in kinds_of(family)] == sorted(
        KINDS, key=lambda name: FAMILIES.index(KINDS[name].family)
    )
    assert list(kinds_of(VARIANT)) == ["study_range", "tiles", "superpixels"]
    assert list(kinds_of(CHANCE)) == ["random_cells", "shuffled"]
    assert list(kinds_of(PRIOR)) == ["all_white", "center_gaussian", "mean_mask"]
    assert list(kinds_of(ANATOMY)) == ["lesion", "lesion_depth"]
    assert [name for name, kind in KINDS.items() if kind.constant] == ["all_white"]
    assert "gradcam" in kinds_of(METHOD)


def test_schemas_are_schemas() -> None:
    parts = schema_parts()
    assert ("sources" in parts) == bool(kinds_of(INDEPENDENT))
    for schema in parts.values():
        Draft202012Validator.check_schema(schema)
    parts["methods"]["properties"].clear()  # each asks for schemas of its own, which may be changed
    assert schema_parts()["methods"]["properties"]


@pytest.mark.parametrize("name", kinds_of(VARIANT))
def test_each_variant_is_allowed_with_its_own_options_alone(name: str) -> None:
    validator = Draft202012Validator(schema_parts()["variants"])
    kind = KINDS[name]
    entry = {"kind": name, "of": "gradcam", **{option: of.get("default", 9) for option, of in kind.options.items()}}
    assert validator.is_valid({"mine": entry})
    assert not validator.is_valid({"mine": {**entry, "other": 1}})
    for option in kind.required:
        assert not validator.is_valid({"mine": {key: value for key, value in entry.items() if key != option}})


def test_modules_of_the_registry_are_files_of_the_library() -> None:
    named = {module for kind in KINDS.values() for module in kind.modules}
    assert all((LIBRARY / f"{module.replace('.', '/')}.py").is_file() for module in named)
    assert set(CALLED_BY) <= set(FAMILIES)
