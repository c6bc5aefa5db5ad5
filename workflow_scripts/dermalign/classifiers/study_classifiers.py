"""The study's classifiers as they are planned with: trained here or brought along, from which files, on which grid.

Segmentation networks have the same backbones and start from the same files of weights.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import InputError, InputErrors
from ..study.digests import content_digest
from ..study.probing import Question, probed
from ..study.sources import methods_of
from ..study.study import CACHE, Study
from .brought.files import adopted_name, digest_of, files_of, kept_digest
from .imagenet import weights_name
from .keras_settings import check_keras_settings

ASKED = ("architecture", "input_size", "saliency_layer", "layers", "weights")
# Of a brought classifier, whose file may move: its path is not what the answer depends on.
ASKED_OF_NETWORK = ("architecture", "input_size", "cells", "weights")
ASKED_OF_BROUGHT = ("pixels", "classes", "input_size", "saliency_layer", "layers", "logits")


@dataclass(frozen=True)
class Classifiers:
    """The models that a study names under `models`."""

    study: Study

    @property
    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The models' settings by name."""
        models: Mapping[str, Mapping[str, Any]] = self.study.configuration["models"]
        return models

    @property
    def brought(self) -> list[str]:
        """The models that are brought along; the others are trained."""
        return [model for model, settings in self.models.items() if "classifier" in settings]

    @property
    def trained(self) -> list[str]:
        """The models that are trained here."""
        return [model for model in self.models if model not in self.brought]

    @property
    def frozen(self) -> list[str]:
        """The models that are frozen graphs in the study, with constants in the place of weights."""
        return [model for model in self.models if Path(self.path(model)).suffix == ".pb"]

    def classes(self, model: str) -> list[str]:
        """Return the names of a model's outputs, in their order: the study's, unless a brought one names its own."""
        return list(self.models[model].get("classes", self.study.configuration["classes"]))

    def path(self, model: str) -> str:
        """Return the path of a model's classifier in the study."""
        name = adopted_name(self.models[model]["classifier"]) if model in self.brought else "model.keras"
        return f"{self.study.results}/classifiers/{model}/{name}"

    def made_from(self, model: str) -> list[str]:
        """Return the files that a model was made from beside pictures: starting weights, or what was brought along."""
        return self.files(model) if model in self.brought else self.weights_files(model)

    def described(self, model: str) -> dict[str, Any]:
        """Return what is said of a model beside published values: name, architecture, input, weights and cells."""
        settings = self.models[model]
        return {
            "name": model,
            "architecture": settings.get("architecture"),
            "input_size": self.input_size(model),
            "weights": settings.get("weights"),
            "cells": self.grids[model],
        }

    # ---- Those that are brought along

    def files(self, model: str) -> list[str]:
        """Return the files of a brought classifier. Raises InputError as `brought.files.kind_of`."""
        return files_of(self.models[model]["classifier"])

    def digest(self, model: str) -> str:
        """Return a digest of a brought classifier's content."""
        return digest_of(self.models[model]["classifier"], CACHE)

    def adoption(self, model: str) -> dict[str, Any]:
        """Return what `adoption.adopt` needs to know of a brought classifier."""
        settings = {key: value for key, value in self.models[model].items() if key != "methods"}
        return {**settings, "classes": self.classes(model)}

    # ---- What they are like

    @cached_property
    def _probed(self) -> dict[str, dict[str, Any]]:
        check_keras_settings(os.environ)
        questions: dict[str, Question] = {}
        answers: dict[str, dict[str, Any]] = {}
        faults: list[str] = []
        for key, names in (("models", self.models), ("segmentation.networks", self.study.networks)):
            for name in names:
                try:
                    questions[f"{key}.{name}"] = self._question(name)
                except InputError as error:
                    faults += error.sentences
        try:
            answers = probed("classifiers.probe", questions, CACHE)
        except InputError as error:
            faults += error.sentences
        if faults:
            raise InputErrors(faults)
        return {model: answers[f"models.{model}"] for model in self.models}

    def _settings(self, name: str) -> Mapping[str, Any]:
        """The settings of a model or a segmentation network."""
        return self.models[name] if name in self.models else self.study.networks[name]

    def _question(self, model: str) -> Question:
        settings = self._settings(model)
        if model in self.brought:
            try:
                digest = self.digest(model)
            except InputError as error:
                raise InputError(f"models.{model}.classifier: {error}") from error
            asked = {**self.adoption(model), "layers": self._layers(model)}
            identity = {key: asked[key] for key in ASKED_OF_BROUGHT if key in asked}
            # Which backend computes decides whether a SavedModel can be used.
            return Question(asked, {**identity, "digest": digest, "backend": os.environ.get("KERAS_BACKEND", "")})
        weights = settings["weights"]
        where = "models" if model in self.models else "segmentation.networks"
        if weights not in ("none", "imagenet") and not Path(weights).is_file():
            raise InputError(
                f"{where}.{model}.weights: there is no file {weights}. Correct the path, or say `imagenet` or `none`."
            )
        if model in self.study.networks:
            asked = {key: settings[key] for key in ASKED_OF_NETWORK}
        else:
            asked = {key: {**settings, "layers": self._layers(model)}[key] for key in ASKED}
        if weights in ("none", "imagenet"):
            return Question(asked, asked)
        return Question(asked, {**asked, "weights": kept_digest([weights], CACHE)})

    def _layers(self, model: str) -> list[str]:
        """Return the layers that a model's saliency methods name beside its saliency layer."""
        methods = methods_of(self.study.configuration, model).values()
        return sorted({options["layer"] for options in methods if "layer" in options})

    def layer(self, model: str, name: str | None = None) -> dict[str, Any]:
        """Return of a layer that a saliency method names, or of the saliency layer, what planning knows.

        `name` as configured or found, `path` in the classifier, `grid` (h, w), `channels`. Raises InputErrors as
        `grids`.
        """
        answer = self._probed[model]
        name = name or answer["saliency_layer"]
        return {"name": name, **answer["layers"][name]}

    def multiply_adds(self, model: str) -> int | None:
        """Return the multiplications and additions of a picture's pass, in pairs; None where they cannot be told."""
        count: int | None = self._probed[model].get("multiply_adds")
        return count

    @cached_property
    def grids(self) -> dict[str, tuple[int, int]]:
        """The (h, w) of each model's saliency layer. Raises InputErrors on all models that cannot be used."""
        grids = {model: self.layer(model)["grid"] for model in self._probed}
        return {model: (int(height), int(width)) for model, (height, width) in grids.items()}

    def input_size(self, model: str) -> int:
        """Return the side of the pictures that a model takes, configured or found in a brought classifier's file."""
        settings = self.models[model]
        return int(self._probed[model]["input_size"] if model in self.brought else settings["input_size"])

    def logits(self, model: str) -> str | None:
        """Return the layer of a model's class scores, None where they are before its final softmax."""
        return self._probed[model]["logits"] if model in self.brought else None

    # ---- Those that are trained

    def training_settings(self, model: str) -> dict[str, Any]:
        """Return a model's settings without what no training depends on, so that a change of it trains nothing anew."""
        untold = ("published", "saliency_layer", "methods")
        return {key: value for key, value in self.models[model].items() if key not in untold}

    def weights_files(self, model: str) -> list[str]:
        """Return the file with the weights that a training starts from, of a model or a network; none at random."""
        settings = self._settings(model)
        weights = settings["weights"]
        if weights != "imagenet":
            return [] if weights == "none" else [weights]
        name = weights_name(settings["architecture"], settings["input_size"])
        return [str(Path(self.study.configuration["weights_folder"]) / name)]

    @property
    def imagenet_weights(self) -> dict[str, dict[str, Any]]:
        """{path: {architecture, input_size}} of the ImageNet weights that models and networks start from."""
        return {
            self.weights_files(name)[0]: {key: settings[key] for key in ("architecture", "input_size")}
            for name, settings in {**self.models, **self.study.networks}.items()
            if settings.get("weights") == "imagenet"
        }

    def weights_digest(self, model: str) -> list[str]:
        """Return what tells the weights that a training starts from, as `weights_files`; empty where at random.

        Of Keras's ImageNet weights that is their file's name, which is known before they are there: what params were
        when the run was planned is what a run on a cluster records, and what the next one compares.
        """
        if self._settings(model)["weights"] == "imagenet":
            return [Path(path).name for path in self.weights_files(model)]
        return [content_digest(path) for path in self.weights_files(model)]
