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
METHOD = "method"  # under `methods`, for every model, or under a model's own: a saliency method
VARIANT = "variant"  # under `variants`, by a name of its own, for every model: made of a method's maps
# Controls, under `controls`: what overlap is had without looking at the picture as a classifier does. A control is of
# chance, for every model: made of the maps of its first method; a prior: the same for all models, known of other
# pictures; or anatomy: where on this picture the lesion lies. Priors and anatomy belong to no model.
CHANCE, PRIOR, ANATOMY = "chance", "prior", "anatomy"
CONTROLS = (CHANCE, PRIOR, ANATOMY)
CEILING = "ceiling"  # with `ceilings`, one for each grid of the models' first method: belongs to no model
SEGMENTATION = "segmentation"  # under `segmentation`, one for each network, out of fold: belongs to no model
INDEPENDENT = "independent"  # under `sources`, by names of its own: belongs to no model
READER = "reader"  # under `feedback`, by the reader's name: what an expert marked; belongs to no model

CONTROL_OWNER = "controls"  # the first part of the names of controls that belong to no model
READER_OWNER = "reader"  # the first part of the names of readers

# What a source may need beside the pictures' names.
CLASSIFIER, PICTURES, MAPS, MASKS = "classifier", "pictures", "maps", "masks"
NETWORKS = "networks"  # that segment, one for each fold
LESIONS, LESION_MASKS = "lesions", "lesion_masks"  # which pictures show one lesion; where on a picture it lies
READER_MASKS = "reader_masks"  # what a reader marked on which pictures

# How a family's functions are called: by a function (function, inputs, **options) of this library. Where there is none,
# the function itself is called with (inputs, **options); but for saliency methods, which `saliency.methods` calls.
CALLED_BY = {CHANCE: "saliency.chance:chance_blocks"}


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

    family: METHOD, VARIANT, one of CONTROLS, CEILING, SEGMENTATION, INDEPENDENT or READER.
    compute: `module:function` in this library. Of a METHOD, as `saliency.methods.Method` says; of CHANCE, as
        `saliency.chance.Chance`; of SEGMENTATION, as `saliency.segmentation.segmentation_blocks`; else a function
        (`saliency.inputs.Inputs`, **options) that yields `MapBlock`s.
    takes: of a METHOD, what its function is given, a word of `saliency.methods`.
    passes: of a METHOD that takes the network, how often a picture goes through it, a pass with a gradient counted as
        three (Baydin et al. 2018: a gradient costs twice what the score costs): function of its options and the number
        of its layer's channels.
    needs: of CLASSIFIER, NETWORKS, PICTURES, MAPS, MASKS, LESIONS, LESION_MASKS and READER_MASKS.
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
    takes: str = ""
    passes: Callable[[Mapping[str, Any], int], int] | None = None

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

# Of every saliency method: pictures per call of the network; the class whose score is explained, and the score before
# or after the softmax; how many of the pictures get maps, a fixed sample, or all.
BEFORE_SOFTMAX, AFTER_SOFTMAX = "before_softmax", "after_softmax"
PREDICTED, DIAGNOSIS = "predicted", "diagnosis"
ALL, SAMPLE = "all", 100
LAYER = {"layer": {"type": "string"}}
NEGATIVE = {"negative": {"enum": ["drop", "absolute"], "default": "drop"}}


def _asked(
    scores: tuple[str, ...] = (BEFORE_SOFTMAX, AFTER_SOFTMAX), score: str = BEFORE_SOFTMAX, pictures: int | str = ALL
) -> dict[str, Any]:
    return {
        "batch_size": {"type": "integer", "minimum": 1, "default": 32},
        "target": {"type": "string", "default": "predicted"},
        "score": {"enum": list(scores), "default": score},
        "pictures": {"oneOf": [{"type": "integer", "minimum": 2}, {"const": ALL}], "default": pictures},
    }


ASKED = tuple(_asked())


def own_options(kind: Kind, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a saliency method's own function, with their defaults; `negative` among them."""
    known = {key: schema for key, schema in kind.options.items() if key not in (*ASKED, *LAYER)}
    return {key: options.get(key, schema.get("default")) for key, schema in known.items()}


def of_layer(compute: str, scores: tuple[str, ...] = (BEFORE_SOFTMAX, AFTER_SOFTMAX)) -> Kind:
    """Return the kind of a saliency method that is a formula of a layer; scores: those that it is defined for."""
    options = {**LAYER, **_asked(scores)}
    return Kind(METHOD, compute, needs=(CLASSIFIER, PICTURES), options=options, takes="layer")


def of_network(
    compute: str,
    options: Mapping[str, Any],
    passes: Callable[[Mapping[str, Any], int], int],
    grid: Callable[[Mapping[str, Any], Origin], Grid] = input_grid,
    score: str = BEFORE_SOFTMAX,
    draws: bool = False,
    pictures: int | str = SAMPLE,
) -> Kind:
    """Return the kind of a saliency method that asks the network about changed pictures; see `Kind` for the rest.

    options: its own, and `layer` if it takes one. score: before or after the softmax, by default. pictures: how many
    get maps unless the configuration says; of hours for a thousand pictures, a sample.
    """
    return Kind(
        METHOD,
        compute,
        needs=(CLASSIFIER, PICTURES),
        options={**options, **_asked(score=score, pictures=pictures)},
        grid=grid,
        draws=draws,
        takes="network",
        passes=passes,
    )


KINDS: dict[str, Kind] = {
    # Saliency methods. Those of a layer, and the plain gradient, of one score of one class, share one pass.
    "gradcam": of_layer("saliency.gradcam:grad_cam"),
    "gradcam_plus_plus": of_layer("saliency.gradcam_plus_plus:grad_cam_plus_plus", scores=(BEFORE_SOFTMAX,)),
    "layercam": of_layer("saliency.layercam:layer_cam"),
    "hirescam": of_layer("saliency.hirescam:hires_cam"),
    "gradient": Kind(
        METHOD,
        "saliency.gradient:gradient",
        needs=(CLASSIFIER, PICTURES),
        options=_asked(),
        grid=input_grid,
        takes="pictures",
    ),
    "smoothgrad": of_network(
        "saliency.smoothgrad:smooth_grad",
        {
            "samples": {"type": "integer", "minimum": 1, "default": 50},
            "noise": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.15},
        },
        passes=lambda options, _: 3 * options["samples"],
        draws=True,
    ),
    "integrated_gradients": of_network(
        "saliency.integrated_gradients:integrated_gradients",
        {
            "steps": {"type": "integer", "minimum": 1, "default": 50},
            "baseline": {"enum": ["black", "gray", "white"], "default": "black"},
            **NEGATIVE,
        },
        passes=lambda options, _: 3 * options["steps"],
    ),
    "xrai": of_network(
        "saliency.xrai:xrai",
        {"steps": {"type": "integer", "minimum": 1, "default": 50}, **NEGATIVE},
        passes=lambda options, _: 6 * options["steps"],
    ),
    "scorecam": of_network(
        "saliency.scorecam:score_cam",
        LAYER,
        passes=lambda _, channels: channels,
        grid=same_grid,
    ),
    "rise": of_network(
        "saliency.rise:rise",
        {
            "masks": {"type": "integer", "minimum": 1, "default": 4000},
            "cells": {"type": "integer", "minimum": 2, "maximum": 64, "default": 7},
            "kept": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": 0.5},
            "standard_error": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        },
        passes=lambda options, _: options["masks"],
        score=AFTER_SOFTMAX,
        draws=True,
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
    # The upper reference
    "segmentation": Kind(
        SEGMENTATION,
        "saliency.segmentation:segmentation_blocks",
        needs=(NETWORKS, PICTURES),
        options={"cells": {"type": "integer"}},
        required=("cells",),
        grid=square_of_cells,
    ),
    # Readers
    "reader": Kind(READER, "saliency.reader:reader", needs=(READER_MASKS,), options=CELLS, grid=square_of_cells),
}


def kinds_of(family: str) -> dict[str, Kind]:
    """Return the kinds of a family by name, in order."""
    return {name: kind for name, kind in KINDS.items() if kind.family == family}


def schema_parts() -> dict[str, dict[str, Any]]:
    """Return the JSON schemas of the keys `methods`, `variants`, `controls` and `sources` of the configuration."""
    methods = method_entries()
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
    of = {"of": {"type": "string", "default": next(iter(kinds_of(METHOD)))}}
    parts: dict[str, dict[str, Any]] = {
        "methods": {"minProperties": 1, **methods},
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


def method_entries(of_model: bool = False) -> dict[str, Any]:
    """Return the JSON schema of `methods`: an entry has a kind's name, or a name of its own and a `kind`.

    of_model: of those of one model, where an entry may be null.
    """
    kinds = kinds_of(METHOD)
    as_it_is = _or_null if of_model else dict
    return {
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z0-9_]+$"},
        "properties": {name: as_it_is(_entry(kind.options, kind.required)) for name, kind in kinds.items()},
        "additionalProperties": as_it_is(_by_kind(kinds, {})),
    }


def methods_of(configuration: Mapping[str, Any], model: str) -> dict[str, dict[str, Any]]:
    """Return {name: its options, with `kind`} of a model's saliency methods, the study's and then its own.

    An entry of the model's own `methods` stands in the place of the study's of that name; a null takes it away.
    """
    entries = {**configuration["methods"], **configuration["models"][model].get("methods", {})}
    return {name: {"kind": name, **entry} for name, entry in entries.items() if entry is not None}


def all_methods(configuration: Mapping[str, Any]) -> list[str]:
    """Return the names of all models' saliency methods, each once, the study's first."""
    return list(dict.fromkeys(name for model in configuration["models"] for name in methods_of(configuration, model)))


def _entry(options: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": dict(options)}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


def _by_kind(kinds: Mapping[str, Kind], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an entry whose `kind` decides which other keys it may have."""
    branches = [
        {
            "if": {"type": "object", "properties": {"kind": {"const": name}}, "required": ["kind"]},
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
