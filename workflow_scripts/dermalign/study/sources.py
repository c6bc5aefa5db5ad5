"""The registry of map sources: every kind of what gives a map per picture, or a map per picture and feature.

A kind is a function of this library, told by its name, with what it needs and which options it takes. Nothing else in
the workflow knows kinds: the configuration's schema is completed from here, rules loop over the sources that a study
names, one script calls the function, and after its maps are written nothing knows which kind a source is.

To add one: a module with a function, an entry in `KINDS`, its page in docs/ (CONTRIBUTING.md). The entry is read while
planning and by no job, so that it reruns nothing of other sources.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Grid = tuple[int, int]  # cells (h, w)

# The families: where the configuration names a source, and what its function is given.
METHOD = "method"  # under `methods`, for every model: a saliency method
VARIANT = "variant"  # under `variants`, by a name of its own, for every model: made of a method's maps
# Controls, under `controls`: what overlap is had without looking at the picture as a classifier does. A control is of
# chance, for every model: made of the maps of its first method; a prior: the same for all models, known of other
# pictures; or anatomy: where on this picture the lesion lies. Priors and anatomy belong to no model.
CHANCE, PRIOR, ANATOMY = "chance", "prior", "anatomy"
CONTROLS = (CHANCE, PRIOR, ANATOMY)
CEILING = "ceiling"  # with `ceilings`, one for each grid of the models' first method: belongs to no model
INDEPENDENT = "independent"  # under `sources`, by names of its own: belongs to no model

CONTROL_OWNER = "controls"  # the first part of the names of controls that belong to no model

# What a source may need beside the pictures' names.
CLASSIFIER, PICTURES, MAPS, MASKS = "classifier", "pictures", "maps", "masks"
LESIONS, LESION_MASKS = "lesions", "lesion_masks"  # which pictures show one lesion; where on a picture it lies

# How a family's functions are called: by a function (function, inputs, **options) of this library. Where there is none,
# the function itself is called with (inputs, **options).
CALLED_BY = {METHOD: "saliency.methods:method_blocks", CHANCE: "saliency.chance:chance_blocks"}


@dataclass(frozen=True)
class Origin:
    """What a kind's grid may follow from.

    grid: of the model's saliency layer, of the maps that the source is made of, or of a ceiling; None for an
        independent source.
    input_size: side, in pixels, of the pictures that the model takes; None where there is no model.
    """

    grid: Grid | None = None
    input_size: int | None = None


def same_grid(options: Mapping[str, Any], origin: Origin) -> Grid:
    """Return the grid of the saliency layer, of the maps that the source is made of, or of the ceiling."""
    assert origin.grid is not None
    return origin.grid


def input_grid(options: Mapping[str, Any], origin: Origin) -> Grid:
    """Return a cell for each pixel that the classifier sees."""
    assert origin.input_size is not None
    return origin.input_size, origin.input_size


def square_of_cells(options: Mapping[str, Any], origin: Origin) -> Grid:
    """Return `cells` x `cells`, an option."""
    return int(options["cells"]), int(options["cells"])


def one_cell(options: Mapping[str, Any], origin: Origin) -> Grid:
    """Return one cell for the whole picture."""
    return 1, 1


@dataclass(frozen=True)
class Kind:
    """A kind of map source.

    family: METHOD, VARIANT, one of CONTROLS, CEILING or INDEPENDENT.
    compute: `module:function` in this library. Of a METHOD, as `saliency.methods.Method`; of CHANCE, as
        `saliency.chance.Chance`; else a function (`saliency.inputs.Inputs`, **options) that yields `MapBlock`s.
    needs: of CLASSIFIER, PICTURES, MAPS, MASKS, LESIONS and LESION_MASKS.
    options: {option: its JSON schema, with a default or else `required`}.
    grid: function of options and `Origin`, known before any job.
    draws: whether the maps depend on the study's seed.
    pictures: how many pictures it needs at least.
    constant: whether every map is the same everywhere, so that no threshold is better than another.
    """

    family: str
    compute: str
    needs: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    grid: Callable[[Mapping[str, Any], Origin], Grid] = same_grid
    draws: bool = False
    pictures: int = 1
    constant: bool = False

    @property
    def called_by(self) -> str | None:
        """`module:function` that calls `compute`, None where it is called itself."""
        return CALLED_BY.get(self.family)

    @property
    def modules(self) -> list[str]:
        """The modules of this library whose code the maps depend on."""
        return [name.partition(":")[0] for name in (self.compute, self.called_by) if name]


DRAWS = {"draws": {"type": "integer", "minimum": 1, "maximum": 100, "default": 5}}
# 72 x 72 are more cells than steps are kept of, so that curves of these maps stay small; see docs/method.md.
CELLS = {"cells": {"type": "integer", "minimum": 8, "maximum": 512, "default": 72}}

KINDS: dict[str, Kind] = {
    # Saliency methods
    "gradcam": Kind(
        METHOD,
        "saliency.gradcam:grad_cam",
        needs=(CLASSIFIER, PICTURES),
        options={"batch_size": {"type": "integer", "minimum": 1, "default": 32}},
    ),
    # Thresholding beyond the paper
    "study_range": Kind(
        VARIANT,
        "saliency.study_range:study_range",
        needs=(MAPS,),
        options={"upper_percentile": {"type": "number", "exclusiveMinimum": 0, "maximum": 100, "default": 100}},
    ),
    "tiles": Kind(
        VARIANT,
        "saliency.tiles:tiles",
        needs=(MAPS,),
        options={"tiles": {"type": "integer", "minimum": 1}},
        required=("tiles",),
    ),
    "superpixels": Kind(
        VARIANT,
        "saliency.superpixels:superpixels",
        needs=(MAPS, PICTURES),
        options={
            "count": {"type": "integer", "minimum": 4, "default": 100},
            "cells": {"type": "integer", "minimum": 4, "maximum": 512},
            "compactness": {"type": "number", "exclusiveMinimum": 0, "default": 10.0},
        },
        required=("cells",),
        grid=square_of_cells,
    ),
    # Controls
    "random_cells": Kind(CHANCE, "saliency.chance:random_cells", needs=(MAPS,), options=DRAWS, draws=True),
    "shuffled": Kind(CHANCE, "saliency.chance:shuffled", needs=(MAPS,), options=DRAWS, draws=True, pictures=2),
    "all_white": Kind(PRIOR, "saliency.priors:all_white", grid=one_cell, constant=True),
    "center_gaussian": Kind(PRIOR, "saliency.priors:center_gaussian", options=CELLS, grid=square_of_cells),
    "mean_mask": Kind(
        PRIOR,
        "saliency.priors:mean_mask",
        needs=(MASKS, LESIONS),
        options=CELLS,
        grid=square_of_cells,
        pictures=2,
    ),
    "lesion": Kind(ANATOMY, "saliency.anatomy:lesion", needs=(LESION_MASKS,), options=CELLS, grid=square_of_cells),
    "lesion_depth": Kind(
        ANATOMY, "saliency.anatomy:lesion_depth", needs=(LESION_MASKS,), options=CELLS, grid=square_of_cells
    ),
    # The resolution ceiling
    "ceiling": Kind(CEILING, "saliency.ceiling:ceiling", needs=(MASKS,)),
}


def kinds_of(family: str) -> dict[str, Kind]:
    """Return the kinds of a family by name, in order."""
    return {name: kind for name, kind in KINDS.items() if kind.family == family}


def schema_parts() -> dict[str, dict[str, Any]]:
    """Return the JSON schemas of the keys `methods`, `variants`, `controls` and `sources` of the configuration."""
    methods = {name: _entry(kind.options, kind.required) for name, kind in kinds_of(METHOD).items()}
    controls: dict[str, Any] = {
        family: {
            "type": "array",
            "uniqueItems": True,
            "items": {"enum": list(kinds_of(family))},
            "default": list(kinds_of(family)),
        }
        for family in CONTROLS
    }
    for family in CONTROLS:
        for kind in kinds_of(family).values():
            controls.update(kind.options)
    of = {"of": {"type": "string", "default": next(iter(methods))}}
    parts: dict[str, dict[str, Any]] = {
        "methods": {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": methods},
        "variants": {
            "type": "object",
            "default": {},
            "propertyNames": {"pattern": "^[A-Za-z0-9_]+$"},
            "additionalProperties": _by_kind(kinds_of(VARIANT), of),
        },
        "controls": {**_entry(controls), "default": {}},
    }
    if independent := kinds_of(INDEPENDENT):
        parts["sources"] = {
            "type": "object",
            "default": {},
            "propertyNames": {"pattern": "^[A-Za-z0-9_]+$"},
            "additionalProperties": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^[A-Za-z0-9_]+$"},
                "additionalProperties": _by_kind(independent, {}),
            },
        }
    return parts


def _entry(options: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": dict(options)}


def _by_kind(kinds: Mapping[str, Kind], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an entry whose `kind` decides which other keys it may have."""
    branches = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": _entry({"kind": {"type": "string"}, **shared, **kind.options}, ("kind", *kind.required)),
        }
        for name, kind in kinds.items()
    ]
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds)}},
        "allOf": branches,
    }
