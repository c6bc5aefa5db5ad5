"""The study's map sources as they are planned with: which there are, of which kind, on which grid."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..classifiers.study_classifiers import Classifiers
from ..data.grids import grid_name, named_grid
from ..errors import InputError
from ..study.batches import fixed_sample
from ..study.sources import (
    ALL,
    ANATOMY,
    ASKED,
    CEILING,
    CHANCE,
    CLASSIFIER,
    CONTROL_OWNER,
    CONTROLS,
    KINDS,
    LESION_MASKS,
    MASKS,
    METHOD,
    PRIOR,
    READER,
    READER_MASKS,
    READER_OWNER,
    SEGMENTATION,
    VARIANT,
    Grid,
    Kind,
    Origin,
    kinds_of,
    methods_of,
    own_options,
)
from ..study.study import Study


@dataclass(frozen=True)
class Source:
    """A map source of the study.

    model, method: the two parts of its name, in paths and tables; of one that belongs to no model, `model` is a first
    name of its own. of: the source whose maps it is made of, None where of none.
    """

    model: str
    method: str
    kind: Kind
    options: Mapping[str, Any] = field(default_factory=dict)
    of: "Source | None" = None

    @property
    def path(self) -> str:
        """Where its maps and what follows from them lie, `{model}/{method}`."""
        return f"{self.model}/{self.method}"

    def needs(self, what: str) -> bool:
        """Return whether its maps are made from `what`, one of the registry's words."""
        return what in self.kind.needs


@dataclass(frozen=True)
class MapSources:
    """The map sources of a study: saliency methods, their variants and controls, of each model, and all others.

    has_lesion_masks: whether there is a mask of the lesion of every picture that gets maps; else there are no controls
    of anatomy, whatever the configuration names. pictures: {batch: those that get maps}. readers: those who finished a
    picture in the explorer, by name.
    """

    study: Study
    classifiers: Classifiers
    has_lesion_masks: bool = True
    pictures: Mapping[str, list[str]] = field(default_factory=dict)
    readers: Sequence[str] = ()

    def __iter__(self) -> Iterator[Source]:
        return iter(self.all)

    @cached_property
    def all(self) -> list[Source]:
        """All of them: those of each model beside each other, controls that belong to none, those of other names."""
        found = [source for model in self.classifiers.models for source in self._of_model(model)]
        for network, settings in self.study.networks.items():
            found += self._of_network(network, settings)
        for family in (PRIOR, ANATOMY) if self.has_lesion_masks else (PRIOR,):
            found += self._controls(CONTROL_OWNER, family)
        for name, kind in kinds_of(CEILING).items():
            found += [Source(name, grid_name(grid), kind) for grid in self._ceilings]
        for first, entries in self.study.configuration.get("sources", {}).items():
            found += [Source(first, name, KINDS[entry["kind"]], _options(entry)) for name, entry in entries.items()]
        for name in self.readers:
            # On the grid of the priors, whose mask cells there are.
            cells = {"cells": self.study.configuration["controls"]["cells"]}
            found += [Source(READER_OWNER, name, kind, cells) for kind in kinds_of(READER).values()]
        return found

    def _of_model(self, model: str) -> Iterator[Source]:
        configuration = self.study.configuration
        methods = {
            name: Source(model, name, KINDS[entry["kind"]], _options(entry))
            for name, entry in methods_of(configuration, model).items()
        }
        yield from methods.values()
        for name, entry in configuration["variants"].items():
            if entry["of"] in methods:
                yield Source(model, name, KINDS[entry["kind"]], _options(entry), methods[entry["of"]])
        yield from self._controls(model, CHANCE, next(iter(methods.values())))

    def _of_network(self, network: str, settings: Mapping[str, Any]) -> Iterator[Source]:
        for name, kind in kinds_of(SEGMENTATION).items():
            source = Source(network, name, kind, {option: settings[option] for option in kind.options})
            yield source
            # A single draw: a map for each feature makes these sources large, and a study has many pictures.
            for control in self._controls(network, CHANCE, source):
                yield replace(control, options={**control.options, "draws": 1})

    def _controls(self, owner: str, family: str, of: Source | None = None) -> Iterator[Source]:
        controls = self.study.configuration["controls"]
        for name in controls[family]:
            kind = KINDS[name]
            yield Source(owner, name, kind, {option: controls[option] for option in kind.options}, of)

    @cached_property
    def _ceilings(self) -> list[Grid]:
        """The grids whose ceiling is a source: each of the models' first saliency methods."""
        if not self.study.configuration.get("ceilings", {}).get("maps"):
            return []
        try:
            return sorted({self.grid(next(self._of_model(model))) for model in self.classifiers.models})
        except InputError:  # of classifiers that cannot be used: `grids` says so
            return []

    @property
    def ceiling_grids(self) -> list[Grid]:
        """The grids whose ceilings are computed: squares, those of saliency methods, variants and networks."""
        squares = self.study.configuration["ceilings"]["grids"]
        sides = range(squares["start"], squares["stop"] + 1, squares["step"])
        own = {self.grid(source) for source in self if source.kind.family in (METHOD, VARIANT, SEGMENTATION)}
        return sorted(own | {(side, side) for side in sides})

    @property
    def owners(self) -> list[str]:
        """The first parts of the sources' names: the models, segmentation networks, then those of neither."""
        return list(dict.fromkeys(source.model for source in self))

    def methods(self, *families: str) -> list[str]:
        """Return the second parts of the sources' names, of all families or of some, each once."""
        return list(dict.fromkeys(source.method for source in self if not families or source.kind.family in families))

    @property
    def saliency_methods(self) -> list[str]:
        """The methods that explain classifiers, and their variants."""
        return self.methods(METHOD, VARIANT)

    @property
    def controls(self) -> dict[str, str]:
        """The controls' names and of which family each is, in the order of the registry's families."""
        return {name: family for family in CONTROLS for name in self.methods(family)}

    def controls_of(self, model: str) -> list[Source]:
        """Return the controls that the maps of a model, or network, are compared with: its own, and those of none."""
        return [source for source in self if source.kind.family in CONTROLS and source.model in (model, CONTROL_OWNER)]

    def asked_about(self, model: str) -> list[Source]:
        """Return the sources whose maps a model is asked about: its own, and those that belong to no model.

        Of the ceilings that is the one of the grid of the model's first saliency method; no reader is among them, since
        regions put pixels into no order, nor what is made of others' maps. Raises InputError as `Classifiers.grids`.
        """
        own = next(self._of_model(model))
        of_all = (source for source in self if source.model == model or source.model not in self.classifiers.models)
        ordering = (
            source for source in of_all if source.kind.family != READER and (source.of is None or source.model == model)
        )
        return [source for source in ordering if source.kind.family != CEILING or self.grid(source) == self.grid(own)]

    def of_owner(self, owner: str) -> list[Source]:
        """Return the sources whose name has this first part."""
        return [source for source in self if source.model == owner]

    def predicting(self, owner: str) -> Source | None:
        """Return the source whose stores hold an owner's predictions, None where it predicts nothing."""
        return next((source for source in self.of_owner(owner) if source.needs(CLASSIFIER)), None)

    def check_pictures(self, count: int) -> None:
        """Raise InputError where a source needs more pictures than the `count` that get maps."""
        lacking = sorted(
            {source.method: source.kind.pictures for source in self if source.kind.pictures > count}.items()
        )
        if lacking:
            names = ", ".join(f"`{method}` needs at least {pictures} pictures" for method, pictures in lacking)
            raise InputError(
                f"{names}, and {count} of the evaluation pictures get maps. Take it out of `controls`, or evaluate "
                "more pictures."
            )

    def check_folds(self, count: int) -> None:
        """Raise InputError where segmentation networks are trained in more folds than there are pictures with masks."""
        folds = self.study.configuration["segmentation"]["folds"] if self.study.networks else 0
        if folds > count:
            raise InputError(
                f"segmentation.folds is {folds}, and there are {count} pictures with masks. Choose fewer folds, bring "
                f"more pictures, or do without {', '.join(self.study.networks)} (a null takes a network away)."
            )

    def batches(self, source: Source) -> dict[str, list[str]]:
        """Return {batch: pictures that get a map of this source}, of those of all; a fixed sample where it names one.

        The sample is that of `batches.fixed_sample`.
        """
        count = source.options.get("pictures", ALL)
        if count == ALL:
            return dict(self.pictures)
        sample = set(fixed_sample((image for images in self.pictures.values() for image in images), count))
        chosen = {batch: [image for image in images if image in sample] for batch, images in self.pictures.items()}
        return {batch: images for batch, images in chosen.items() if images}

    def is_sample(self, source: Source) -> bool:
        """Return whether a source, or what it is made of, has maps of a sample of the pictures only, as readers do."""
        if source.of:
            return self.is_sample(source.of)
        return source.kind.family == READER or source.options.get("pictures", ALL) != ALL

    @cached_property
    def jobs(self) -> list[list[Source]]:
        """The sources that ask a classifier, in lists of those that one pass of a picture serves.

        Those are formulas of one model, of one score of one class, on the same pictures.
        """
        found: dict[tuple[Any, ...], list[Source]] = {}
        for source in self:
            if source.needs(CLASSIFIER):
                options = tuple(source.options[key] for key in ASKED)
                shared = "" if source.kind.takes != "network" else source.method
                found.setdefault((source.model, options, shared), []).append(source)
        return list(found.values())

    def asked(self, source: Source) -> dict[str, Any]:
        """Return how a saliency method is called, as `saliency.method_blocks` takes it."""
        own = own_options(source.kind, source.options)
        negative = own.pop("negative", None)
        return {
            "compute": source.kind.compute,
            "takes": source.kind.takes,
            "layer": self._layer(source)["name"] if "layer" in source.kind.options else None,
            "options": own,
            "negative": negative,
        }

    def but_for_layer(self, source: Source) -> str:
        """Return all that a saliency method or its variant is, but for its layer, as a text."""
        options = {key: value for key, value in source.options.items() if key != "layer"}
        of = self.but_for_layer(source.of) if source.of else ""
        return f"{source.kind.compute} {json.dumps(options, sort_keys=True)} {of}".strip()

    def passes(self, source: Source) -> int:
        """Return how often a picture goes through the network for a map, a gradient counted as two passes more."""
        kind = source.kind
        if kind.passes is None:
            return 3
        channels = self._layer(source)["channels"] if "layer" in kind.options else 0
        return kind.passes(source.options, channels)

    def _layer(self, source: Source) -> dict[str, Any]:
        return self.classifiers.layer(source.model, source.options.get("layer"))

    def grid(self, source: Source) -> Grid:
        """Return the cells (h, w) of a source's maps. Raises InputError as `Classifiers.grids`."""
        if source.of is not None:
            origin = Origin(self.grid(source.of))
        elif source.kind.family == CEILING:
            origin = Origin(named_grid(source.method))
        elif source.model in self.classifiers.models:
            height, width = self._layer(source)["grid"]
            origin = Origin((height, width), self.classifiers.input_size(source.model))
        else:
            origin = Origin()
        return source.kind.grid(source.options, origin)

    def inputs(self, source: Source) -> dict[str, Any]:
        """Return what a source's function is given beside files, the fields of `inputs.Inputs`."""
        inputs: dict[str, Any] = {"grid": self.grid(source)}
        # Only what its kind depends on: maps that know nothing of features are not made again for one more.
        if source.kind.draws:
            inputs["seed"] = self.study.configuration["seed"]
        if source.needs(MASKS) or source.needs(READER_MASKS):
            inputs["features"] = self.study.features
        if source.needs(LESION_MASKS):
            inputs["lesion_pattern"] = self.study.configuration["archives"]["lesion_pattern"]
        return inputs

    def job_inputs(self, job: list[Source]) -> dict[str, Any]:
        """Return what the methods of a job are given beside files, the fields of `inputs.Inputs`."""
        model = job[0].model
        layers = [self._layer(source) for source in job if "layer" in source.kind.options]
        inputs = self.asking_inputs(model)
        inputs["settings"]["layers"] = {layer["name"]: layer["path"] for layer in layers}
        if not any(source.kind.draws for source in job):
            del inputs["seed"]  # maps that draw nothing are not made again for another one
        return inputs

    def asking_inputs(self, model: str) -> dict[str, Any]:
        """Return what is needed to ask a model about pictures, beside files: fields of `inputs.Inputs`."""
        return {
            "settings": {"input_size": self.classifiers.input_size(model), "logits": self.classifiers.logits(model)},
            "classes": self.classifiers.classes(model),
            "seed": self.study.configuration["seed"],
        }

    @cached_property
    def grids(self) -> list[Grid]:
        """Every grid on which some source has maps."""
        return sorted({self.grid(source) for source in self})


def _options(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("kind", "of")}
