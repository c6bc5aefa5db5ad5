"""A model of Keras as a `classifier.Classifier`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from .functions import PassFunction, ScoreFunction, pass_function, score_function
from .gradients import compiled_gradients, compiled_scores
from .layers import find_layer
from .passes import BEFORE_SOFTMAX, Combine

if TYPE_CHECKING:
    import keras


class KerasClassifier:
    """A Functional or Sequential model, nested as deep as you like, whose weights are read at each call.

    Layers are named as `layers.find_layer` takes them, or given as they are.
    """

    def __init__(self, model: "keras.Model") -> None:
        """Wrap a model, which is not copied. Raises `InputError` for one that has not exactly one input."""
        if len(getattr(model, "inputs", None) or ()) != 1:
            raise InputError(f"model {model.name}: only models with exactly one input are supported")
        self.model = model
        self.name: str = model.name
        self.input_shape: tuple[int | None, ...] = tuple(model.inputs[0].shape)[1:]

    def scores(self, logits: "str | keras.layers.Layer | None" = None) -> ScoreFunction:
        """Return the function of pictures that gives their class scores, as `Classifier.scores`."""
        return score_function(compiled_scores(self.model, self._layer(logits)), self.input_shape)

    def passing(
        self,
        places: Sequence["tuple[str | keras.layers.Layer | None, Combine]"],
        logits: "str | keras.layers.Layer | None" = None,
        score: str = BEFORE_SOFTMAX,
    ) -> PassFunction:
        """Return the function of pictures that gives what is made at each of some places, as `Classifier.passing`."""
        found = [(self._layer(layer), combine) for layer, combine in places]
        return pass_function(compiled_gradients(self.model, found, self._layer(logits), score), self.input_shape)

    def _layer(self, layer: "str | keras.layers.Layer | None") -> "keras.layers.Layer | None":
        return find_layer(self.model, layer) if isinstance(layer, str) else layer
