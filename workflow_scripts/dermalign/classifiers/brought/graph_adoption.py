"""A frozen graph becomes a classifier of the study: pixels before it, softmax behind it, layers found in it."""

import difflib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError
from ...files import atomic_path
from ..passes import check_spatial, token_grid
from ..preprocessing import treat_tensor
from .freezing import Frozen
from .graph_classifier import LOGITS, PICTURE, PROBABILITIES

SCOPE = "brought"  # of what the file computes, in an adopted graph
# Operations that hand on what they get.
PASSING_ON = ("Identity", "IdentityN", "Cast", "StopGradient", "PreventGradient")
# Activations, of one input each.
ACTIVATIONS = (
    "Softmax",
    "LogSoftmax",
    "Sigmoid",
    "Tanh",
    "Relu",
    "Relu6",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Softplus",
    "Softsign",
)
# What is linear in a scope that ends with class scores, what its shapes are computed with, and where a layer begins.
LINEAR = (
    *PASSING_ON,
    *("Const", "Placeholder", "Add", "AddV2", "AddN", "Sub", "BiasAdd", "Neg", "Mul", "RealDiv", "Mean", "Sum"),
    *("Reshape", "Squeeze", "ExpandDims", "ConcatV2", "Pack", "Transpose", "Shape", "StridedSlice", "Slice", "Prod"),
)
LAYERS = ("MatMul", "Conv2D", "Einsum", "BatchMatMulV2")


class Adopted(NamedTuple):
    """An adopted graph, and what was found in it."""

    graph: Any
    """GraphDef, from `picture` to `logits` and `probabilities`"""
    path: str
    """the tensor of its saliency layer"""
    layer: str
    """the name of that layer's operation in the file's own terms"""
    grid: tuple[int, int]
    """(h, w) of the layer's output"""
    outputs: int
    """the number of classes"""
    others: dict[str, str]
    """the tensors of further layers by the names that were given"""


def adopt_graph(
    frozen: Frozen, size: int, pixels: str, layer: str | None, logits: str | None, others: Sequence[str] = ()
) -> Adopted:
    """Put the treatment of `pixels` before a frozen classifier and softmax behind its class scores.

    size: side of the pictures. layer, logits: names of operations, of the scopes (layers) that they end, or with
    scopes `outer/inner`; None to find them: the last operation with an output (n, h, w, c) that the scores depend on,
    and what is before the final softmax (or sigmoid, of a single output). others: names of further layers. The result
    takes `picture` (n, size, size, 3) float32, RGB from 0 to 255, and gives `logits` and `probabilities` (n, classes).
    Raises InputError where a name is lacking or ambiguous, or the scores cannot be told.
    """
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        picture = tf.compat.v1.placeholder(tf.float32, (None, size, size, 3), name=PICTURE)
        treated = tf.cast(treat_tensor(picture, pixels), frozen.dtype)
        (output,) = tf.graph_util.import_graph_def(
            frozen.graph, input_map={frozen.input: treated}, return_elements=[frozen.output], name=SCOPE
        )
        if output.shape.rank != 2:
            raise InputError(f"its output is {output.shape}, must be (pictures, classes)")
        before = _ancestors(output.op)
        after = _descendants(picture.op) & before
        if logits is None:
            scores = _scores(output)
        else:
            scores = _before_activation(_named(logits, before & after, ranks=(2,), what="logits"), logits)
        if scores.shape.rank != 2 or scores.shape[1] is None:
            raise InputError(f"logits: the class scores are {scores.shape}, must be (pictures, classes)")
        candidates = _ancestors(scores.op) & after
        chosen = _last_spatial(candidates) if layer is None else _named_layer(layer, candidates, "saliency_layer")
        further = {name: _named_layer(name, candidates, "methods: layer") for name in others}
        grid = _grid(chosen)
        scores = tf.cast(scores, tf.float32)
        if scores.shape[1] == 1:  # the logit of a sigmoid, as in gradients
            scores = tf.concat([-scores / 2, scores / 2], axis=1)
        scores = tf.identity(scores, name=LOGITS)
        tf.nn.softmax(scores, name=PROBABILITIES)
    paths = {name: tensor.name for name, tensor in further.items()}
    return Adopted(graph.as_graph_def(), chosen.name, _own_name(chosen.op), grid, int(scores.shape[1]), paths)


def _grid(tensor: Any) -> tuple[int, int]:
    sizes = tensor.shape.as_list()
    name = _own_name(tensor.op)
    check_spatial(tuple(sizes), f"saliency_layer: {name}")
    height, width = (token_grid(sizes[1])[0],) * 2 if len(sizes) == 3 else sizes[1:3]
    if height is None or width is None:
        raise InputError(f"saliency_layer: {name} has no fixed height and width, {tensor.shape}")
    return height, width


def write_graph(path: str | Path, graph: Any) -> None:
    """Write an adopted graph, whole or not at all. Raises InputError for one over the 2 GB that the format holds."""
    # Freezing leaves the nodes in an order of chance; in one order, equal classifiers are equal files.
    ordered = type(graph)(versions=graph.versions, library=graph.library)
    ordered.node.extend(sorted(graph.node, key=lambda node: node.name))
    try:
        content = ordered.SerializeToString(deterministic=True)
    except ValueError as error:
        raise InputError(
            f"the classifier is too large for a frozen graph, 2 GB ({error}); bring it as .keras"
        ) from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _ancestors(operation: Any) -> set[Any]:
    return _reached(operation, lambda current: [tensor.op for tensor in current.inputs])


def _descendants(operation: Any) -> set[Any]:
    return _reached(operation, lambda current: [user for tensor in current.outputs for user in tensor.consumers()])


def _reached(operation: Any, following: Callable[[Any], list[Any]]) -> set[Any]:
    found, waiting = {operation}, [operation]
    while waiting:
        for current in following(waiting.pop()):
            if current not in found:
                found.add(current)
                waiting.append(current)
    return found


def _scores(output: Any) -> Any:
    """Return the tensor of the class scores before the final softmax, or the output where it is linear."""
    tensor = _handed_on(output)
    kind = tensor.op.type
    wanted = "Sigmoid" if tensor.shape[1] == 1 else "Softmax"
    if kind == wanted:
        return tensor.op.inputs[0]
    if kind in ("BiasAdd", "MatMul", "Add", "AddV2"):
        return tensor
    before = f", {_own_name(tensor.op.inputs[0].op)} perhaps" if kind in ACTIVATIONS else ""
    raise InputError(
        f"the class scores before the softmax cannot be told: it ends with {_own_name(tensor.op)} ({kind}), not with a "
        f"softmax, a sigmoid of one output or a linear layer; `logits` can name the operation that gives them{before}"
    )


def _handed_on(tensor: Any) -> Any:
    """Return the tensor that operations hand on which change nothing, as the given one."""
    while tensor.op.type in PASSING_ON:
        tensor = tensor.op.inputs[tensor.value_index if tensor.op.type == "IdentityN" else 0]
    return tensor


def _before_activation(tensor: Any, name: str) -> Any:
    """Return what is before the activation that a named tensor is the output of; the tensor itself where of none.

    name: what was named for it, an operation or a scope. Raises InputError for a scope that ends with an activation in
    pieces, as an export leaves it, of which what is before it cannot be told.
    """
    tensor = _handed_on(tensor)
    operation = tensor.op
    if operation.type in ACTIVATIONS:
        return operation.inputs[0]
    if operation.type == "Mul":  # swish, x * sigmoid(factor * x)
        for gate, value in itertools.permutations(map(_handed_on, operation.inputs), 2):
            if gate.op.type != "Sigmoid":
                continue
            inner = _handed_on(gate.op.inputs[0])
            factors = inner.op.inputs if inner.op.type == "Mul" else []
            if value.name in {inner.name, *(_handed_on(each).name for each in factors)}:
                return value
    if _own_name(operation) != name.removesuffix(":0") and (pieces := _nonlinear_in_scope(operation)):
        raise InputError(
            f"logits: {name} ends with {_own_name(operation)} ({operation.type}), behind {pieces}: an activation in "
            "pieces, it seems. Name the operation before it, whose values are the class scores"
        )
    return tensor


def _nonlinear_in_scope(operation: Any) -> str:
    """Return the types of operations that are not linear, in the scope of the given one and since its last layer."""
    scope = _own_name(operation).rpartition("/")[0]

    def before(current: Any) -> list[Any]:
        if current.type in LAYERS:
            return []
        return [tensor.op for tensor in current.inputs if _own_name(tensor.op).rpartition("/")[0] == scope]

    return ", ".join(sorted({each.type for each in _reached(operation, before)} - {*LINEAR, *LAYERS}))


def _is_spatial(tensor: Any) -> bool:
    if tensor.shape.rank != 4 or not tensor.dtype.is_floating:
        return False
    _, height, width, _ = tensor.shape.as_list()
    return height is None or width is None or height * width > 1


def _depths(operations: set[Any]) -> dict[Any, int]:
    """Return the length of the longest path to each operation, among these, from one without inputs."""
    depths: dict[Any, int] = {}
    for start in operations:
        waiting = [start]
        while waiting:
            current = waiting[-1]
            inner = [tensor.op for tensor in current.inputs if tensor.op in operations]
            lacking = [operation for operation in inner if operation not in depths]
            if lacking:
                waiting.extend(lacking)
                continue
            depths[current] = 1 + max((depths[operation] for operation in inner), default=0)
            waiting.pop()
    return depths


def _last_spatial(candidates: set[Any]) -> Any:
    depths = _depths(candidates)
    spatial = [
        operation
        for operation in candidates
        if operation.outputs
        and _is_spatial(operation.outputs[0])
        and operation.type not in (*PASSING_ON, "Placeholder")
        and _own_name(operation)
    ]
    if not spatial:
        raise InputError("saliency_layer: the classifier has no operation with an output (n, height, width, channels)")
    # Of square pictures; attention's outputs (n, tokens, heads, channels) are none of these.
    square = [operation for operation in spatial if len({*operation.outputs[0].shape.as_list()[1:3]}) == 1]
    return max(square or spatial, key=lambda operation: (depths[operation], operation.name)).outputs[0]


def _own_name(operation: Any) -> str:
    """Return an operation's name in the file's own terms, empty for one that was put before it."""
    return operation.name.removeprefix(f"{SCOPE}/") if operation.name.startswith(f"{SCOPE}/") else ""


def _named_layer(name: str, candidates: set[Any], what: str) -> Any:
    """Return the output called `name`, (n, h, w, channels) or (n, tokens, channels). Raises as `_named`.

    A scope's is the last of either: attention has outputs (n, tokens, heads, channels) on its way.
    """
    return _named(name, candidates, ranks=(3, 4), what=what)


def _named(name: str, candidates: set[Any], *, ranks: tuple[int, ...], what: str) -> Any:
    """Return the output, of one of these ranks, of the operation or scope called `name`.

    Exporting appends `_1` and the like to names of layers; where the name may then mean two of them, it is refused.
    """
    wanted = name.removesuffix(":0")
    suitable = {
        _own_name(operation): operation
        for operation in candidates
        if _own_name(operation) and operation.outputs and operation.outputs[0].shape.rank in ranks
    }
    if wanted in suitable:
        return suitable[wanted].outputs[0]
    scopes: dict[str, list[Any]] = {}
    pattern = re.compile("(?:^|.*/)" + "/".join(rf"{re.escape(part)}(?:_\d+)?" for part in wanted.split("/")))
    for path, operation in suitable.items():
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            if pattern.fullmatch("/".join(parts[:length])):
                scopes.setdefault("/".join(parts[:length]), []).append(operation)
                break
    if len(scopes) > 1:
        raise InputError(
            f"{what}: {name!r} may be {' or '.join(sorted(scopes))}. Write the whole name of one of them, or of an "
            "operation in it"
        )
    if not scopes:
        _raise_lacking(name, what, suitable, _depths(candidates))
    (operations,) = scopes.values()
    depths = _depths(candidates)
    return max(operations, key=lambda operation: (depths[operation], operation.name)).outputs[0]


def _raise_lacking(name: str, what: str, suitable: Mapping[str, Any], depths: Mapping[Any, int]) -> None:
    parts = {part: path for path in suitable for part in path.split("/")}
    nearest = difflib.get_close_matches(name.rpartition("/")[2], parts, n=3)
    last = sorted(suitable, key=lambda path: depths[suitable[path]])[-5:]
    raise InputError(
        f"{what}: the classifier has no {name!r}; candidates: "
        + ", ".join([parts[part] for part in nearest] or last or ["none"])
    )
