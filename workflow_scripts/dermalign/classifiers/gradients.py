"""Gradients inside networks of Keras, which Keras does not have for all its backends.

All code that depends on the backend (TensorFlow or JAX, `keras.backend.backend()`) is here, but for what a frozen
TensorFlow graph needs, which is in `brought.graph_classifier`.

A layer's output is tapped where the layer is called, not where the graph is cut in two, so that residual connections,
nested and Sequential models need nothing special. Weights are read at each call; only their shapes are compiled.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .functions import Floats
from .passes import BEFORE_SOFTMAX, Combine, Places, check_spatial

if TYPE_CHECKING:
    import keras


def compiled_gradients(
    model: "keras.Model",
    places: Sequence["tuple[keras.layers.Layer | None, Combine]"],
    logits: "keras.layers.Layer | None" = None,
    score: str = BEFORE_SOFTMAX,
) -> Callable[[Floats, NDArray[np.int32]], list[Floats]]:
    """Return the function of pictures (n,H,W,3) and class indices (n,) that gives a value per place, then the logits.

    places: layers, or None for the pictures themselves, each with the function of (output, gradient of the class score
    with respect to it), both float32 and (n,h,w,channels), that makes the value; one pass serves them all. An index of
    -1 is the predicted class. logits: the layer whose output, without any activation, is the scores, None to find it.
    score: what is differentiated, a logit (`before_softmax`) or a probability (`after_softmax`).
    Raises `InputError` if the scores before the softmax cannot be told, a layer is not channels-last, or the backend is
    another than TensorFlow and JAX; the function does for a layer that is not called exactly once, whose output is
    neither (n, height, width, channels) nor, for a square of tokens, (n, tokens, channels), or that the scores do not
    depend on.
    """
    import keras

    for layer, _ in places:
        if keras.config.image_data_format() != "channels_last" or (
            getattr(layer, "data_format", None) == "channels_first"
        ):
            name = getattr(layer, "name", model.name)
            raise InputError(f"layer {name}: only channels_last networks are supported, this is channels_first")
    differentiated, _ = _functions_of_backend()
    layers, combine = [layer for layer, _ in places], [function for _, function in places]
    return differentiated(model, _Tap(model, layers, logits), Places(layers, combine, score))


def compiled_scores(model: "keras.Model", logits: "keras.layers.Layer | None" = None) -> Callable[[Floats], Floats]:
    """Return the function of pictures (n,H,W,3) that gives their class scores (n,classes) before the softmax.

    logits and what is raised: as in `compiled_gradients`.
    """
    _, plain = _functions_of_backend()
    return plain(model, _Tap(model, [], logits))


def _functions_of_backend() -> tuple[Callable[..., Any], Callable[..., Any]]:
    import keras

    backends = {
        "tensorflow": (_tensorflow_function, _tensorflow_scores),
        "jax": (_jax_function, _jax_scores),
    }
    backend = keras.backend.backend()
    if backend not in backends:
        raise InputError(f"KERAS_BACKEND: gradients need one of {', '.join(backends)}, not {backend}")
    return backends[backend]


class _Tap:
    """Runs a model once and brings out layers' outputs and the class scores before the softmax."""

    def __init__(self, model: "keras.Model", layers: Sequence["keras.layers.Layer | None"], logits: Any = None) -> None:
        self.model, self.layers = model, [layer for layer in dict.fromkeys(layers) if layer is not None]
        if logits is None:
            self.final, self.scores_are = _final_operation(model)
        else:
            self.final, self.scores_are = _named_scores(logits)

    def run(self, evaluate: Callable[[], Any], watch: Callable[[int, Any], Any]) -> tuple[list[Any], Any]:
        """Return ([output of each layer], logits) of the forward pass `evaluate()`.

        watch: function of a layer's number among `layers` and its output, whose value takes the output's place.
        """
        import keras

        outputs: list[list[Any]] = [[] for _ in self.layers]
        scores: list[Any] = []

        def tapped(number: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
            def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
                def layer_call(*arguments: Any, **keywords: Any) -> Any:
                    output = call(*arguments, **keywords)
                    if hasattr(output, "shape"):
                        output = watch(number, output)
                    outputs[number].append(output)
                    return output

                return layer_call

            return wrap

        def scored(call: Callable[..., Any]) -> Callable[..., Any]:
            def final_call(*arguments: Any, **keywords: Any) -> Any:
                if self.scores_are == "input":
                    scores.append(arguments[0])
                    return call(*arguments, **keywords)
                if self.scores_are == "output":
                    scores.append(call(*arguments, **keywords))
                    return scores[-1]
                # A layer with the softmax fused in: without it, its output is the scores.
                activation = self.final.activation
                try:
                    self.final.activation = None
                    scores.append(call(*arguments, **keywords))
                finally:
                    self.final.activation = activation
                return activation(scores[-1])

            return final_call

        with ExitStack() as replaced:
            for number, layer in enumerate(self.layers):
                replaced.enter_context(replaced_call(layer, tapped(number)))
            replaced.enter_context(replaced_call(self.final, scored))
            evaluate()
        if len(scores) != 1:
            raise InputError(
                f"layer {self.final.name}: called {len(scores)} times in one pass of model {self.model.name}, must be "
                "once"
            )
        logits = scores[0]
        if len(logits.shape) != 2:
            raise InputError(f"layer {self.final.name}: class scores must be (pictures, classes), not {logits.shape}")
        if logits.shape[-1] == 1:
            logits = keras.ops.concatenate([-logits / 2, logits / 2], axis=-1)
        for layer, found in zip(self.layers, outputs, strict=True):
            if len(found) != 1:
                raise InputError(
                    f"layer {layer.name}: called {len(found)} times in one pass of model {self.model.name}, must be "
                    "once"
                )
            check_spatial(tuple(getattr(found[0], "shape", ())), f"layer {layer.name}")
        return [found[0] for found in outputs], logits


@contextmanager
def replaced_call(operation: Any, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Wrap `operation.call` of this one instance for the length of the block."""
    own = vars(operation)  # past Keras' __setattr__, which would track the function as a part of the layer
    before = own.get("call")
    own["call"] = wrap(operation.call)
    try:
        yield
    finally:
        if before is None:
            del own["call"]
        else:
            own["call"] = before


def _final_operation(model: "keras.Model") -> tuple[Any, str]:
    """Find the operation around the softmax, and where the scores are, as `_where_scores_are` tells it."""
    import keras

    reason = f"model {model.name}: the class scores before the softmax cannot be told: "
    current, index = model, 0
    while True:
        outputs = getattr(current, "outputs", None)
        if outputs is None or (current is model and len(outputs) != 1):
            raise InputError(reason + "it must be Functional or Sequential, built, with exactly one output")
        operation, _, index = outputs[index]._keras_history
        # Linear activations at the end (a cast to float32, say) change no score.
        while _is_linear(operation):
            operation, _, index = operation.input._keras_history
        if not isinstance(operation, keras.Model):
            break
        current = operation
    where = _where_scores_are(operation)
    if where is None:
        kind, activation = type(operation).__name__, getattr(operation, "activation", None)
        raise InputError(
            reason + f"it ends with {operation.name} ({kind}{f', {activation.__name__}' if activation else ''}), "
            "not with a softmax, a sigmoid of one output or a linear Dense layer; of a classifier that is brought "
            "along, `logits` can name the layer that gives them (an activation in it is left out)"
        )
    return operation, where


def _where_scores_are(operation: Any) -> str | None:
    """Return where an operation has the class scores; None where it has none that can be told.

    `input`: it is a softmax; `output`: it is linear; `before the activation`: a softmax is fused into it. The sigmoid
    of a single output is taken as a softmax is; of several, what is before it may be no scores of classes of which
    one is right, so that who brings the classifier must say so.
    """
    import keras

    shape: Any = getattr(getattr(operation, "output", None), "shape", ())
    is_single = len(shape) == 2 and shape[-1] == 1
    wanted = "sigmoid" if is_single else "softmax"
    kind, activation = type(operation).__name__, getattr(operation, "activation", None)
    if kind == wanted.capitalize():
        return "input"
    if isinstance(operation, keras.layers.Activation):
        return "input" if activation is getattr(keras.activations, wanted) else None
    if not isinstance(operation, keras.layers.Dense):
        return None
    if activation in (None, keras.activations.linear):
        return "output"
    return "before the activation" if activation is getattr(keras.activations, wanted) else None


def _named_scores(layer: Any) -> tuple[Any, str]:
    """Return the operation with the class scores of a layer that is named for them, and where it has them.

    Scores are what is before any activation: of a layer with one fused in, or of one that is nothing but an activation,
    whichever it is. A layer that only hands on what another computed is followed to that one. Raises `InputError` where
    what is handed on cannot be taken from before its activation.
    """
    import keras

    handing_on = (keras.layers.Dropout, keras.layers.Identity, keras.layers.Flatten, keras.layers.Reshape)
    operation, passed_on = layer, False
    while True:
        if isinstance(operation, keras.Model):
            if len(operation.outputs or ()) != 1:
                raise InputError(f"logits: {layer.name} is a model of several outputs. Name a layer in it")
            operation = operation.outputs[0]._keras_history.operation
        elif isinstance(operation, handing_on) or _is_linear(operation):
            operation, passed_on = operation.input._keras_history.operation, True
        else:
            break
    where = _where_activation_is(operation)
    if where == "output" and passed_on and not isinstance(layer, keras.Model):
        return layer, "output"
    if passed_on and len(operation.output.shape) != 2:
        raise InputError(
            f"logits: {layer.name} hands on what {operation.name} computes, and what that has before its activation is "
            f"{operation.output.shape}, must be (pictures, classes)"
        )
    return operation, where


def _is_linear(operation: Any) -> bool:
    import keras

    return isinstance(operation, keras.layers.Activation) and operation.activation is keras.activations.linear


def _where_activation_is(operation: Any) -> str:
    """Return where an operation has what is before its activation, in the words of `_where_scores_are`."""
    import keras

    functions = {name.replace("_", "") for name in dir(keras.activations)} - {"linear", "get", "serialize"}
    if isinstance(operation, keras.layers.Activation) or type(operation).__name__.lower() in functions:
        return "input"
    # Dense, EinsumDense and convolutions apply it last; recurrent layers, which have cells, do not.
    activation = getattr(operation, "activation", None)
    if activation in (None, keras.activations.linear) or hasattr(operation, "cell"):
        return "output"
    return "before the activation"


def _tensorflow_function(
    model: "keras.Model", tap: _Tap, wanted: Places
) -> Callable[[Floats, NDArray[np.int32]], list[Floats]]:
    import tensorflow as tf

    signature = [
        tf.TensorSpec([None, *model.inputs[0].shape[1:]], tf.float32),
        tf.TensorSpec([None], tf.int32),
    ]

    def evaluate(pictures: Any, targets: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def watch(_: int, output: Any) -> Any:
                tape.watch(output)
                return output

            if wanted.has_pictures:
                tape.watch(pictures)
            outputs, logits = tap.run(lambda: model(pictures, training=False), watch)
            if wanted.has_pictures:
                outputs = [*outputs, pictures]
            score = wanted.score(logits, targets)
        gradients = tape.gradient(score, outputs)
        return wanted.values(outputs, gradients, logits)

    compiled = _tensorflow_compiled(evaluate, signature)
    return lambda pictures, targets: [tensor.numpy() for tensor in compiled(pictures, targets)]


def _tensorflow_scores(model: "keras.Model", tap: _Tap) -> Callable[[Floats], Floats]:
    import tensorflow as tf

    def evaluate(pictures: Any) -> Any:
        _, logits = tap.run(lambda: model(pictures, training=False), lambda _, output: output)
        return tf.cast(logits, tf.float32)

    compiled = _tensorflow_compiled(evaluate, [tf.TensorSpec([None, *model.inputs[0].shape[1:]], tf.float32)])
    return lambda pictures: compiled(pictures).numpy()


def _tensorflow_compiled(evaluate: Callable[..., Any], signature: list[Any]) -> Callable[..., Any]:
    import tensorflow as tf

    # A partial, since TensorFlow takes functions that have one piece of code for one, and warns where a process has
    # several of them that it would be traced again and again. autograph=False: our InputError keeps its own words.
    compiled: Callable[..., Any] = tf.function(partial(evaluate), input_signature=signature, autograph=False)
    return compiled


def _jax_function(
    model: "keras.Model", tap: _Tap, wanted: Places
) -> Callable[[Floats, NDArray[np.int32]], list[Floats]]:
    import jax
    from jax import numpy as jnp

    def forward(variables: Any, pictures: Any, watch: Callable[[int, Any], Any]) -> tuple[list[Any], Any]:
        outputs, logits = tap.run(lambda: model.stateless_call(*variables, pictures, training=False), watch)
        return [*outputs, pictures] if wanted.has_pictures else outputs, logits

    def differentiate(variables: Any, pictures: Any, targets: Any) -> Any:
        def score(added: list[Any]) -> tuple[Any, tuple[Any, Any]]:
            moved = pictures + added[-1] if wanted.has_pictures else pictures
            outputs, logits = forward(variables, moved, lambda number, output: output + added[number])
            return wanted.score(logits, targets), (outputs, logits)

        # The gradient with respect to a zero added to an output is that with respect to the output.
        shapes = jax.eval_shape(lambda v, p: forward(v, p, lambda _, output: output)[0], variables, pictures)
        nothing = [jnp.zeros(output.shape, output.dtype) for output in shapes]
        gradients, (outputs, logits) = jax.grad(score, has_aux=True)(nothing)
        return wanted.values(outputs, gradients, logits)

    compiled = jax.jit(differentiate)
    return lambda pictures, targets: [
        np.asarray(tensor) for tensor in compiled(_jax_variables(model), pictures, targets)
    ]


def _jax_scores(model: "keras.Model", tap: _Tap) -> Callable[[Floats], Floats]:
    import jax
    from jax import numpy as jnp

    def forward(variables: Any, pictures: Any) -> Any:
        _, logits = tap.run(
            lambda: model.stateless_call(*variables, pictures, training=False), lambda _, output: output
        )
        return logits.astype(jnp.float32)

    compiled = jax.jit(forward)
    return lambda pictures: np.asarray(compiled(_jax_variables(model), pictures))


def _jax_variables(model: "keras.Model") -> tuple[list[Any], list[Any]]:
    return (
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
    )
