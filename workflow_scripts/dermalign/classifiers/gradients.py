"""What Keras does not have for all its backends: gradients inside a network, and deterministic operations.

All code that depends on the backend (TensorFlow or JAX, `keras.backend.backend()`) is here, but for what a frozen
TensorFlow graph needs, which is in `graphs`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..logs import logger
from .brought.graphs import GraphClassifier

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float32]
Target = Literal["predicted"] | ArrayLike
PREDICTED = -1


class Gradients(NamedTuple):
    """Activations (n,h,w,c) of a layer, gradients (n,h,w,c) of the class score there, logits (n,classes); float32."""

    activations: Floats
    gradients: Floats
    logits: Floats


class GradientFunction:
    """The compiled map from pictures to `Gradients` of one layer of one model.

    The gradient is that of the class score before the softmax with respect to the layer's output, in inference mode.
    The output is tapped where the layer is called, not where the graph is cut in two, so that residual connections,
    nested and Sequential models need nothing special. Weights are read at each call; only their shapes are compiled.

    A model with one output z, the logit of a sigmoid, tells two classes apart: their scores are -z/2 and z/2, whose
    softmax is 1 - sigmoid(z) and sigmoid(z).
    """

    def __init__(
        self,
        model: "keras.Model | GraphClassifier",
        layer: "keras.layers.Layer | str",
        logits: "keras.layers.Layer | None" = None,
    ) -> None:
        """Tap `layer`; `logits` is the layer whose output, without its softmax, is the scores, None to find it.

        Of a frozen graph, `layer` is a tensor's name. Raises `InputError` if the scores before the softmax cannot be
        told, or the layer is not channels-last.
        """
        if isinstance(model, GraphClassifier):
            self.input_shape = model.input_shape
            self._function = model.differentiate(str(layer))
            return
        import keras

        if keras.config.image_data_format() != "channels_last" or (
            getattr(layer, "data_format", None) == "channels_first"
        ):
            name = getattr(layer, "name", layer)
            raise InputError(f"layer {name}: only channels_last networks are supported, this is channels_first")
        differentiated, _ = _functions_of_backend()
        self.input_shape = _input_shape(model)
        self._function = differentiated(model, _Tap(model, layer, logits))

    def __call__(self, pictures: NDArray[Any], target: Target = "predicted") -> Gradients:
        """Evaluate for (n,H,W,3) pictures; `target` is 'predicted' or n class indices.

        Calls with equal n share one compilation. Raises `InputError` for pictures of another size than the input.
        """
        check_pictures(pictures, self.input_shape)
        targets = class_indices(target, len(pictures))
        return Gradients(*self._function(np.asarray(pictures, dtype=np.float32), targets))


class ScoreFunction:
    """The compiled map from pictures to the class scores before the softmax, as `GradientFunction` has them."""

    def __init__(self, model: "keras.Model | GraphClassifier", logits: "keras.layers.Layer | None" = None) -> None:
        """Raise `InputError` as `GradientFunction` does."""
        if isinstance(model, GraphClassifier):
            self.input_shape, self._function = model.input_shape, model.scores()
            return
        _, plain = _functions_of_backend()
        self.input_shape = _input_shape(model)
        self._function = plain(model, _Tap(model, None, logits))

    def __call__(self, pictures: NDArray[Any]) -> Floats:
        """Return logits (n, classes) float32 of (n,H,W,3) pictures. Raises `InputError` for another size."""
        check_pictures(pictures, self.input_shape)
        return self._function(np.asarray(pictures, dtype=np.float32))


def check_pictures(pictures: NDArray[Any], takes: tuple[int | None, ...]) -> None:
    """Raise `InputError` unless `pictures` (n, ...) have the shape that the classifier takes, None for any size."""
    if pictures.ndim != len(takes) + 1 or any(
        size not in (None, given) for size, given in zip(takes, pictures.shape[1:], strict=True)
    ):
        raise InputError(f"pictures of shape {pictures.shape[1:]}, the classifier takes {takes}")


def class_indices(target: Target, count: int) -> NDArray[np.int32]:
    """Return `target` as (count,) int32 class indices, all `PREDICTED` for 'predicted'. Raises `InputError`."""
    if isinstance(target, str):
        if target != "predicted":
            raise InputError(f"target: must be 'predicted' or class indices, not {target!r}")
        return np.full(count, PREDICTED, dtype=np.int32)
    targets = np.asarray(target, dtype=np.int32)
    if targets.shape != (count,) or (targets < 0).any():
        raise InputError(f"target: {count} class indices from 0 are needed, got {target!r}")
    return targets


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


def _input_shape(model: "keras.Model") -> tuple[int | None, ...]:
    if len(getattr(model, "inputs", None) or ()) != 1:
        raise InputError(f"model {model.name}: only models with exactly one input are supported")
    return tuple(model.inputs[0].shape)[1:]


def activations_and_gradients(
    model: "keras.Model", layer: "keras.layers.Layer", pictures: NDArray[Any], target: Target = "predicted"
) -> Gradients:
    """Return activations and gradients at `layer` and the logits for (n,H,W,3) `pictures`.

    Compiles anew at each call: for many batches keep one `GradientFunction`. Raises as that does.
    """
    return GradientFunction(model, layer)(pictures, target)


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities (n, classes) float64 of class scores (n, classes); each row sums to one."""
    scores = np.asarray(logits, np.float64)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def limit_threads(threads: int) -> None:
    """Have TensorFlow compute in so many threads, as a job was given; to be called before its first operation.

    On other backends this does nothing: JAX has no such setting.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and the backend, and have the backend use deterministic operations only.

    On TensorFlow this stays in force for the rest of the process. On JAX, processors are deterministic anyway; for a
    GPU, XLA reads its flag when it starts, so `XLA_FLAGS` is set here as long as that has not happened.
    """
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "jax":
        flags = os.environ.get("XLA_FLAGS", "")
        if "xla_gpu_deterministic_ops" not in flags:
            os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
    else:
        logger.warning("determinism on the backend %s is not ours to switch on", keras.backend.backend())


class _Tap:
    """Runs a model once and brings out a layer's output and the class scores before the softmax."""

    def __init__(self, model: "keras.Model", layer: "keras.layers.Layer | None", logits: Any = None) -> None:
        self.model, self.layer = model, layer
        if logits is None:
            self.final, self.scores_are = _final_operation(model)
        else:
            self.final, self.scores_are = logits, _where_scores_are(logits) or "output"

    def run(self, evaluate: Callable[[], Any], watch: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return (layer output as `watch` returns it, logits) of the forward pass `evaluate()`; None for no layer."""
        import keras

        outputs: list[Any] = []
        scores: list[Any] = []

        def tapped(call: Callable[..., Any]) -> Callable[..., Any]:
            def layer_call(*arguments: Any, **keywords: Any) -> Any:
                output = call(*arguments, **keywords)
                if hasattr(output, "shape"):
                    output = watch(output)
                outputs.append(output)
                return output

            return layer_call

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
            if self.layer is not None:
                replaced.enter_context(_replaced_call(self.layer, tapped))
            replaced.enter_context(_replaced_call(self.final, scored))
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
        if self.layer is None:
            return None, logits
        name = self.layer.name
        if len(outputs) != 1:
            raise InputError(
                f"layer {name}: called {len(outputs)} times in one pass of model {self.model.name}, must be once"
            )
        if len(getattr(outputs[0], "shape", ())) != 4:
            raise InputError(f"layer {name}: its output is not (pictures, height, width, channels)")
        return outputs[0], logits


@contextmanager
def _replaced_call(operation: Any, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
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
        while isinstance(operation, keras.layers.Activation) and operation.activation is keras.activations.linear:
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
            "along, `logits` can name the layer that gives them"
        )
    return operation, where


def _where_scores_are(operation: Any) -> str | None:
    """Return where an operation has the class scores; None where it has none that can be told.

    `input`: it is a softmax; `output`: it is linear; `before the activation`: a softmax is fused into it. The sigmoid
    of a single output is taken as a softmax is.
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


def _tensorflow_function(model: "keras.Model", tap: _Tap) -> Callable[[Floats, NDArray[np.int32]], list[Floats]]:
    import tensorflow as tf

    signature = [
        tf.TensorSpec([None, *model.inputs[0].shape[1:]], tf.float32),
        tf.TensorSpec([None], tf.int32),
    ]

    def evaluate(pictures: Any, targets: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def watch(output: Any) -> Any:
                tape.watch(output)
                return output

            activations, logits = tap.run(lambda: model(pictures, training=False), watch)
            targets = tf.where(targets < 0, tf.argmax(logits, axis=-1, output_type=tf.int32), targets)
            # Pictures are independent in inference mode: the gradient of the sum is each picture's own.
            score = tf.reduce_sum(tf.gather(logits, targets, axis=1, batch_dims=1))
        gradient = tape.gradient(score, activations)
        if gradient is None:
            raise InputError(f"layer {getattr(tap.layer, 'name', '')}: the class scores do not depend on it")
        return [tf.cast(tensor, tf.float32) for tensor in (activations, gradient, logits)]

    # autograph=False: our InputError keeps its own words
    compiled = tf.function(evaluate, input_signature=signature, autograph=False)
    return lambda pictures, targets: [tensor.numpy() for tensor in compiled(pictures, targets)]


def _tensorflow_scores(model: "keras.Model", tap: _Tap) -> Callable[[Floats], Floats]:
    import tensorflow as tf

    def evaluate(pictures: Any) -> Any:
        _, logits = tap.run(lambda: model(pictures, training=False), lambda output: output)
        return tf.cast(logits, tf.float32)

    signature = [tf.TensorSpec([None, *model.inputs[0].shape[1:]], tf.float32)]
    compiled = tf.function(evaluate, input_signature=signature, autograph=False)
    return lambda pictures: compiled(pictures).numpy()


def _jax_function(model: "keras.Model", tap: _Tap) -> Callable[[Floats, NDArray[np.int32]], list[Floats]]:
    import jax
    from jax import numpy as jnp

    def forward(variables: Any, pictures: Any, watch: Callable[[Any], Any]) -> tuple[Any, Any]:
        return tap.run(lambda: model.stateless_call(*variables, pictures, training=False), watch)

    def differentiate(variables: Any, pictures: Any, targets: Any) -> Any:
        def score(perturbation: Any) -> tuple[Any, tuple[Any, Any]]:
            activations, logits = forward(variables, pictures, lambda output: output + perturbation)
            chosen = jnp.where(targets < 0, jnp.argmax(logits, axis=-1), targets)
            return jnp.take_along_axis(logits, chosen[:, None], axis=1).sum(), (activations, logits)

        # The gradient with respect to a zero added to the output is that with respect to the output.
        output = jax.eval_shape(lambda v, p: forward(v, p, lambda tensor: tensor)[0], variables, pictures)
        gradient, (activations, logits) = jax.grad(score, has_aux=True)(jnp.zeros(output.shape, output.dtype))
        return [tensor.astype(jnp.float32) for tensor in (activations, gradient, logits)]

    compiled = jax.jit(differentiate)
    return lambda pictures, targets: [
        np.asarray(tensor) for tensor in compiled(_jax_variables(model), pictures, targets)
    ]


def _jax_scores(model: "keras.Model", tap: _Tap) -> Callable[[Floats], Floats]:
    import jax
    from jax import numpy as jnp

    def forward(variables: Any, pictures: Any) -> Any:
        _, logits = tap.run(lambda: model.stateless_call(*variables, pictures, training=False), lambda output: output)
        return logits.astype(jnp.float32)

    compiled = jax.jit(forward)
    return lambda pictures: np.asarray(compiled(_jax_variables(model), pictures))


def _jax_variables(model: "keras.Model") -> tuple[list[Any], list[Any]]:
    return (
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
    )
