"""The registry of map sources: every entry names a function that can be called as it says, and its schema holds."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from dermalign.saliency.methods import LAYER as LAYER_TAKEN
from dermalign.saliency.methods import NETWORK as NETWORK_TAKEN
from dermalign.saliency.methods import PICTURES as PICTURES_TAKEN
from dermalign.study.digests import imported_modules
from dermalign.study.sources import (
    ALL,
    ANATOMY,
    ASKED,
    CALLED_BY,
    CEILING,
    CHANCE,
    CLASSIFIER,
    CONTROLS,
    INDEPENDENT,
    KINDS,
    LAYER,
    LESION_MASKS,
    LESIONS,
    MAPS,
    MASKS,
    METHOD,
    NEGATIVE,
    NETWORKS,
    PICTURES,
    PRIOR,
    READER,
    READER_MASKS,
    SEGMENTATION,
    VARIANT,
    Kind,
    Origin,
    all_methods,
    input_grid,
    kinds_of,
    method_entries,
    methods_of,
    own_options,
    same_grid,
    schema_parts,
    square_of_cells,
)
from jsonschema import Draft202012Validator

FAMILIES = (METHOD, VARIANT, *CONTROLS, CEILING, SEGMENTATION, INDEPENDENT, READER)
# How many of the parameters of a family's functions, or of a kind of saliency method's, are no options; they are first.
FIXED = {
    **{CHANCE: 2, LAYER_TAKEN: 2, PICTURES_TAKEN: 2, NETWORK_TAKEN: 4, SEGMENTATION: 4},
    **dict.fromkeys((VARIANT, PRIOR, ANATOMY, CEILING, INDEPENDENT, READER), 1),
}
LIBRARY = Path(__file__).resolve().parents[2] / "workflow_scripts" / "dermalign"


def function_of(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found = getattr(import_module(f"dermalign.{module}"), function)
    assert callable(found)
    return found


def options_of(function: Callable[..., Any], first: int) -> dict[str, inspect.Parameter]:
    """Return a function's parameters but the first."""
    return dict(list(inspect.signature(function).parameters.items())[first:])


def fixed(kind: Kind) -> int:
    return FIXED[kind.takes or kind.family]


def own(kind: Kind) -> set[str]:
    """The options that are the function's own: of a saliency method not what it is asked about, nor what its map is.

    Of a segmentation network none: it was trained with them.
    """
    if kind.family == SEGMENTATION:
        return set()
    return set(own_options(kind, {})) - set(NEGATIVE) if kind.family == METHOD else set(kind.options)


@pytest.mark.parametrize("name", KINDS)
def test_options_are_the_parameters_of_the_function(name: str) -> None:
    kind = KINDS[name]
    parameters = options_of(function_of(kind.compute), fixed(kind))
    if kind.family == CHANCE:  # the maps of a draw, and the draws by what calls it
        assert parameters == {}
        if not kind.options:
            return
        parameters = options_of(function_of(CALLED_BY[CHANCE]), 2)
    assert own(kind) == set(parameters)
    for option, parameter in parameters.items():
        assert parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        has_default = parameter.default is not inspect.Parameter.empty
        if kind.family == CHANCE:  # one draw, unless the kind draws at all
            assert parameter.default == 1
        elif has_default:
            assert kind.options[option]["default"] == parameter.default
        if kind.family in (PRIOR, ANATOMY, READER):  # options of all controls have their default in the configuration
            continue
        assert (option in kind.required) == (not has_default)


@pytest.mark.parametrize("name", KINDS)
def test_the_function_can_be_called_as_the_family_says(name: str) -> None:
    kind = KINDS[name]
    options = dict.fromkeys(own(kind))
    given = [object()] * fixed(kind)
    inspect.signature(function_of(kind.compute)).bind(*given, **({} if kind.family == CHANCE else options))
    if kind.called_by:
        inspect.signature(function_of(kind.called_by)).bind(object(), object(), **options)
    assert kind.modules == [path.partition(":")[0] for path in (kind.compute, kind.called_by) if path]


@pytest.mark.parametrize("name", KINDS)
def test_an_option_is_required_or_has_a_default_that_its_schema_allows(name: str) -> None:
    kind = KINDS[name]
    assert kind.family in FAMILIES
    assert set(kind.needs) <= {CLASSIFIER, NETWORKS, PICTURES, MAPS, MASKS, LESIONS, LESION_MASKS, READER_MASKS}
    assert set(kind.required) <= set(kind.options)
    for option, schema in kind.options.items():
        Draft202012Validator.check_schema(schema)
        if option not in LAYER:  # by default a model's saliency layer, which no schema knows
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
    assert list(kinds_of(SEGMENTATION)) == ["segmentation"]
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


# Saliency methods


@pytest.mark.parametrize("name", kinds_of(METHOD))
def test_every_saliency_method_can_be_asked_the_same(name: str) -> None:
    kind = KINDS[name]
    assert set(ASKED) <= set(kind.options)
    assert kind.needs == (CLASSIFIER, PICTURES)
    assert kind.takes in (LAYER_TAKEN, PICTURES_TAKEN, NETWORK_TAKEN)
    # What costs hours is a sample by default, unless it is asked for; its passes can be counted.
    asks_network = kind.takes == NETWORK_TAKEN
    assert (kind.options["pictures"]["default"] == ALL) != asks_network
    assert (kind.passes is not None) == asks_network
    # A map is as fine as what the function is given; a formula of a layer takes the layer's grid.
    has_layer = "layer" in kind.options
    assert kind.grid is (same_grid if has_layer else input_grid)
    assert has_layer or kind.takes != LAYER_TAKEN
    assert not has_layer or kind.takes != PICTURES_TAKEN
    pictures = Draft202012Validator(kind.options["pictures"])
    for fitting in (2, 100, "all"):
        assert pictures.is_valid(fitting)
    for wrong in (1, 0, 2.5, "some", None):
        assert not pictures.is_valid(wrong)


def test_options_of_a_method_s_function_are_filled_in() -> None:
    assert own_options(KINDS["gradcam"], {"layer": "a", "target": "MEL", "batch_size": 2}) == {}
    assert own_options(KINDS["rise"], {"masks": 9, "pictures": 5}) == {
        "masks": 9,
        "cells": 7,
        "kept": 0.5,
        "standard_error": 0,
    }
    assert own_options(KINDS["integrated_gradients"], {"negative": "absolute"}) == {
        "steps": 50,
        "baseline": "black",
        "negative": "absolute",
    }


@pytest.mark.parametrize(
    ("name", "options", "passes"),
    [
        ("smoothgrad", {"samples": 50}, 150),
        ("integrated_gradients", {"steps": 20}, 60),
        ("xrai", {"steps": 20}, 120),  # of two baselines
        ("scorecam", {}, 512),
        ("rise", {"masks": 4000}, 4000),
    ],
)
def test_how_often_a_picture_goes_through_the_network(name: str, options: dict[str, Any], passes: int) -> None:
    count = KINDS[name].passes
    assert count is not None and count(options, 512) == passes


CONFIGURED: dict[str, Any] = {
    "methods": {"gradcam": {"batch_size": 4}, "fine": {"kind": "layercam", "layer": "early"}},
    "models": {
        "a": {},
        "b": {"methods": {"gradcam": {"batch_size": 8}, "rise": {}}},
        "c": {"methods": {"fine": None, "coarse": {"kind": "layercam"}}},
    },
}


def test_a_model_has_the_study_s_methods_but_for_its_own() -> None:
    """An entry of its own replaces the study's as a whole, a null takes it away, others come after them."""
    fine = {"kind": "layercam", "layer": "early"}
    found = {model: methods_of(CONFIGURED, model) for model in CONFIGURED["models"]}
    assert found == {
        "a": {"gradcam": {"kind": "gradcam", "batch_size": 4}, "fine": fine},
        "b": {"gradcam": {"kind": "gradcam", "batch_size": 8}, "fine": fine, "rise": {"kind": "rise"}},
        "c": {"gradcam": {"kind": "gradcam", "batch_size": 4}, "coarse": {"kind": "layercam"}},
    }
    assert [list(methods) for methods in found.values()] == [
        ["gradcam", "fine"],
        ["gradcam", "fine", "rise"],
        ["gradcam", "coarse"],
    ]
    assert all_methods(CONFIGURED) == ["gradcam", "fine", "rise", "coarse"]


@pytest.mark.parametrize("name", kinds_of(METHOD))
def test_each_method_is_allowed_by_its_own_name_and_by_another_with_its_kind(name: str) -> None:
    study, of_model = (Draft202012Validator(method_entries(of_model=is_own)) for is_own in (False, True))
    kind = KINDS[name]
    options = {key: schema["default"] for key, schema in kind.options.items() if "default" in schema}
    options |= {"layer": "early"} if "layer" in kind.options else {}
    for validator in (study, of_model):
        assert validator.is_valid({name: options})
        assert validator.is_valid({name: {}, "mine": {"kind": name, **options}})
        assert not validator.is_valid({"mine": options})
        assert not validator.is_valid({name: {"kind": name}})  # its name says it
        assert not validator.is_valid({"my-own": {"kind": name}})
        assert not validator.is_valid({name: {"other": 1}}) and not validator.is_valid({"mine": {"kind": "tiles"}})
    assert of_model.is_valid({name: None, "mine": None})
    assert not study.is_valid({name: None}) and not study.is_valid({"mine": None})
