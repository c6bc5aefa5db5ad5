"""Classifiers that are TensorFlow graphs: SavedModels, checked, frozen, and differentiated.

Keras 3 cannot load a SavedModel as a model. Here its serving signature is taken out of the file as data, together with
the functions that it calls; every operation in it is checked; the variables are read from the checkpoint by
TensorFlow's own reader; and what remains, constants and operations that compute, is one frozen graph. Nothing else in
the file (savers, initializers, other signatures) is loaded, and nothing runs before the check.
"""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files import atomic_path
from ..preprocessing import treat_tensor
from .files import GRAPH

Floats = NDArray[np.float32]

# The names in an adopted graph: its ends, and the scope of what the file computes.
PICTURE, SCOPE, LOGITS, PROBABILITIES = "picture", "brought", "logits", "probabilities"
SIGNATURES = ("serving_default", "serve")
NOT_A_SIGNATURE = "__saved_model_init_op"

# Operations with a state that a classifier may have: variables that are read, calls, control flow.
ALLOWED = {
    "VarHandleOp",
    "ReadVariableOp",
    "ResourceGather",
    "StatefulPartitionedCall",
    "If",
    "While",
    "Case",
    "Assert",
}
# What TensorFlow counts as without side effects, or that is worth words of its own.
REASONS = {
    r"PyFunc": "runs Python code",
    r"File|Reader|Record|Restore|Save|Checkpoint|ImmutableConst|Vocab|Summary|Sharded": "reads or writes files",
    r"Debug|Print": "writes to files or the network",
    r"Dataset|Iterator|Queue|Lookup|Table": "reads data of its own",
    r"CustomCall|Xla|TPU|Tpu|Mlir|Remote|Rpc|Send|Recv|Infeed|Outfeed": "runs compiled code or another machine",
    # Keras exports the augmentation layers of a model switched on: its scores would be others at every call.
    r"Assign|Random|TruncatedNormal": "changes a variable or draws random numbers, as augmentation layers do; leave "
    "them out when exporting, or bring the classifier as .keras",
    r"Variable$|VariableV2|ResourceScatter|ResourceApply": "keeps a state of its own",
    r"Abort|Sleep": "stops or delays the process",
}
STRING, RESOURCE = 7, 20  # TensorFlow's numbers of these types


class Frozen(NamedTuple):
    """A SavedModel's serving signature as a graph of constants: GraphDef, its input's and its output's tensor names."""

    graph: Any
    input: str
    output: str
    shape: tuple[int | None, ...]
    dtype: Any


def read_signature(path: str | Path) -> tuple[Any, Any, str, str]:
    """Read a SavedModel as data: (meta graph, pruned GraphDef, input tensor's name, output tensor's name).

    Raises InputError for a file that is none, signatures that are no classifier's, and operations that may do more
    than compute (see `refused_operation`).
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((Path(path) / GRAPH).read_bytes())
    except DecodeError as error:
        raise InputError(f"{path}: {GRAPH} cannot be read ({error}). Export the classifier again.") from error
    if not saved.meta_graphs:
        raise InputError(f"{path}: {GRAPH} holds no graph. Export the classifier again.")
    meta = next((graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags), saved.meta_graphs[0])
    signatures = {name: signature for name, signature in meta.signature_def.items() if name != NOT_A_SIGNATURE}
    name = next((name for name in SIGNATURES if name in signatures), next(iter(signatures), ""))
    if not name or (name not in SIGNATURES and len(signatures) > 1):
        raise InputError(
            f"{path}: has no signature serving_default, only {', '.join(signatures) or 'none at all'}. Export the "
            "classifier with it: `model.export('folder')`."
        )
    ends = []
    for what, side in (("input", signatures[name].inputs), ("output", signatures[name].outputs)):
        if len(side) != 1:
            raise InputError(f"{path}: signature {name} has {len(side)} {what}s ({', '.join(side)}), must be one.")
        ends.append(next(iter(side.values())).name)
    pruned = _pruned(meta.graph_def, ends[1])
    refused = refused_operation(pruned)
    if refused:
        raise InputError(
            f"{path} would do more than compute, so nothing of it was run: {refused}. Export the classifier again "
            "with operations alone that compute its scores from (n, height, width, 3) pixels."
        )
    if _node_of(ends[0]) not in {node.name for node in pruned.node}:
        raise InputError(f"{path}: the output of signature {name} does not depend on its input.")
    return meta, pruned, ends[0], ends[1]


def refused_operation(graph: Any) -> str | None:
    """Return what the first operation of a GraphDef (functions included) that may do more than compute is, or None.

    Allowed is what TensorFlow registers as without state, but for what `REASONS` names, and the operations of
    `ALLOWED`. Nothing is imported or run: TensorFlow computes constants already while it imports a graph.
    """
    from tensorflow.python.framework import op_def_registry

    for where, node in _operations(graph):
        place = f"the operation {node.name} ({node.op}{where})"
        definition = op_def_registry.get(node.op)
        if definition is None:
            return f"{place} is none of TensorFlow's, it needs a library of its own"
        if node.op in ALLOWED:
            continue
        for pattern, reason in REASONS.items():
            if re.search(pattern, node.op):
                return f"{place} {reason}"
        if definition.is_stateful:
            return f"{place} keeps a state or has side effects"
        types = {argument.type for argument in [*definition.input_arg, *definition.output_arg]}
        if types & {STRING, RESOURCE}:
            return f"{place} works on texts or resources"
    return None


def freeze(path: str | Path) -> Frozen:
    """Return a SavedModel's serving signature with its variables as constants and its functions inlined.

    Raises InputError as `read_signature`, and where a variable is not in the checkpoint.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    meta, pruned, source, target = read_signature(path)
    values = _variable_values(path, meta, pruned)
    placeholder = next(node for node in pruned.node if node.name == _node_of(source))
    if placeholder.op != "Placeholder":
        raise InputError(f"{path}: the input of its signature is a {placeholder.op}. Export the classifier again.")
    dtype = tf.dtypes.as_dtype(placeholder.attr["dtype"].type)
    shape = tf.TensorShape(placeholder.attr["shape"].shape)
    if shape.rank != 4 or shape[3] not in (3, None):
        raise InputError(f"{path}: takes {shape}, must take RGB pictures (n, height, width, 3), channels last.")
    _without_attributes(pruned)
    _rename_functions(pruned)
    variables = {name: tf.Variable(value, trainable=False) for name, value in values.items()}

    def compute(pictures: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        handles = {}
        for name, variable in variables.items():
            graph.watch_variable(variable)
            handles[f"{name}:0"] = graph.capture(variable.handle)
        (result,) = tf.graph_util.import_graph_def(
            pruned, input_map={source: pictures, **handles}, return_elements=[target], name=""
        )
        return result

    wrapped = tf.compat.v1.wrap_function(compute, [tf.TensorSpec(shape, dtype)])
    constant = convert_variables_to_constants_v2(wrapped, lower_control_flow=False)
    return Frozen(
        constant.graph.as_graph_def(),
        constant.inputs[0].name,
        constant.outputs[0].name,
        tuple(shape.as_list()),
        dtype,
    )


class Adopted(NamedTuple):
    """An adopted graph, the full name of its saliency layer's operation, and that name in the file's own terms."""

    graph: Any
    path: str
    layer: str
    grid: tuple[int, int]
    outputs: int


def adopt_graph(frozen: Frozen, size: int, pixels: str, layer: str | None, logits: str | None) -> Adopted:
    """Put the treatment of `pixels` before a frozen classifier and softmax behind its class scores.

    size: side of the pictures. layer, logits: names of operations, of the scopes (layers) that they end, or with
    scopes `outer/inner`; None to find them: the last operation with an output (n, h, w, c) that the scores depend on,
    and what is before the final softmax (or sigmoid, of a single output). The result takes `picture` (n, size, size, 3)
    float32, RGB from 0 to 255, and gives `logits` and `probabilities` (n, classes).
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
        scores = _scores(output) if logits is None else _named(logits, before & after, rank=2, what="logits")
        if scores.shape.rank != 2 or scores.shape[1] is None:
            raise InputError(f"logits: the class scores are {scores.shape}, must be (pictures, classes)")
        candidates = _ancestors(scores.op) & after
        if layer is None:
            chosen = _last_spatial(candidates)
        else:
            chosen = _named(layer, candidates, rank=4, what="saliency_layer")
        grid = tuple(chosen.shape.as_list()[1:3])
        if None in grid:
            raise InputError(f"saliency_layer: {_own_name(chosen.op)} has no fixed height and width, {chosen.shape}")
        scores = tf.cast(scores, tf.float32)
        if scores.shape[1] == 1:  # the logit of a sigmoid, as in gradients
            scores = tf.concat([-scores / 2, scores / 2], axis=1)
        scores = tf.identity(scores, name=LOGITS)
        tf.nn.softmax(scores, name=PROBABILITIES)
    return Adopted(graph.as_graph_def(), chosen.name, _own_name(chosen.op), grid, int(scores.shape[1]))


def write_graph(path: str | Path, graph: Any) -> None:
    """Write an adopted graph, whole or not at all. Raises InputError for one over the 2 GB that the format holds."""
    try:
        content = graph.SerializeToString(deterministic=True)
    except ValueError as error:
        raise InputError(
            f"the classifier is too large for a frozen graph, 2 GB ({error}); bring it as .keras"
        ) from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


class GraphClassifier:
    """An adopted graph that is read, to be evaluated and differentiated with TensorFlow."""

    def __init__(self, graph: Any, name: str) -> None:
        """graph: GraphDef of `adopt_graph`. name: for messages. Raises InputError on another backend of Keras."""
        import keras

        if keras.backend.backend() != "tensorflow":
            raise InputError(
                f"KERAS_BACKEND: a SavedModel is TensorFlow's, it cannot be used with {keras.backend.backend()}. Set "
                "KERAS_BACKEND=tensorflow, or bring the classifier as .keras."
            )
        self.name, self._graph = name, graph
        node = next(node for node in graph.node if node.name == PICTURE)
        sizes = [dimension.size for dimension in node.attr["shape"].shape.dim]
        self.input_shape: tuple[int | None, ...] = tuple(sizes[1:])

    @classmethod
    def read(cls, path: str | Path) -> "GraphClassifier":
        """Read a file of `write_graph`."""
        from tensorflow.core.framework import graph_pb2

        graph = graph_pb2.GraphDef()
        graph.ParseFromString(Path(path).read_bytes())
        return cls(graph, str(path))

    def differentiate(self, layer: str) -> Callable[[Floats, NDArray[np.int32]], list[Floats]]:
        """Return the function of pictures and class indices (-1: the predicted) that `gradients.Gradients` holds.

        layer: the tensor's name, as `Adopted.path` has it.
        """
        import tensorflow as tf

        def evaluate(pictures: Any, targets: Any) -> Any:
            activations, logits = tf.graph_util.import_graph_def(
                self._graph, input_map={f"{PICTURE}:0": pictures}, return_elements=[layer, f"{LOGITS}:0"], name=""
            )
            chosen = tf.where(targets < 0, tf.argmax(logits, axis=-1, output_type=tf.int32), targets)
            # Pictures are independent in inference mode: the gradient of the sum is each picture's own.
            score = tf.reduce_sum(tf.gather(logits, chosen, axis=1, batch_dims=1))
            (gradient,) = tf.gradients(score, activations)
            if gradient is None:
                raise InputError(f"layer {layer}: the class scores do not depend on it")
            return [tf.cast(tensor, tf.float32) for tensor in (activations, gradient, logits)]

        signature = [tf.TensorSpec([None, *self.input_shape], tf.float32), tf.TensorSpec([None], tf.int32)]
        compiled = tf.compat.v1.wrap_function(evaluate, signature)
        return lambda pictures, targets: [
            tensor.numpy() for tensor in compiled(tf.constant(pictures), tf.constant(targets))
        ]

    def scores(self) -> Callable[[Floats], Floats]:
        """Return the function of pictures that gives the class scores before the softmax, (n, classes)."""
        import tensorflow as tf

        def evaluate(pictures: Any) -> Any:
            (logits,) = tf.graph_util.import_graph_def(
                self._graph, input_map={f"{PICTURE}:0": pictures}, return_elements=[f"{LOGITS}:0"], name=""
            )
            return logits

        compiled = tf.compat.v1.wrap_function(evaluate, [tf.TensorSpec([None, *self.input_shape], tf.float32)])
        return lambda pictures: compiled(tf.constant(pictures)).numpy()


def _node_of(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


def _pruned(graph: Any, target: str) -> Any:
    """Return the part of a GraphDef, and of its functions, that the tensor `target` depends on."""
    from tensorflow.core.framework import graph_pb2

    nodes = {node.name: node for node in graph.node}
    functions = {function.signature.name: function for function in graph.library.function}
    wanted, waiting = set(), [_node_of(target)]
    while waiting:
        name = waiting.pop()
        if name in wanted or name not in nodes:
            continue
        wanted.add(name)
        waiting.extend(map(_node_of, nodes[name].input))
    called: set[str] = set()
    calls = [name for node in wanted for name in _called(nodes[node])]
    while calls:
        name = calls.pop()
        if name in called or name not in functions:
            continue
        called.add(name)
        calls.extend(inner for node in functions[name].node_def for inner in _called(node))
    pruned = graph_pb2.GraphDef(versions=graph.versions)
    pruned.node.extend(node for node in graph.node if node.name in wanted)
    pruned.library.function.extend(functions[name] for name in sorted(called))
    return pruned


def _called(node: Any) -> Iterator[str]:
    """Yield the names of the functions that a node may call: in TensorFlow 2 in attributes, before in its operation."""
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _operations(graph: Any) -> Iterator[tuple[str, Any]]:
    names = {function.signature.name for function in graph.library.function}
    yield from (("", node) for node in graph.node if node.op not in names)
    for function in graph.library.function:
        where = f" in the function {function.signature.name}"
        yield from ((where, node) for node in function.node_def if node.op not in names)


def _without_attributes(graph: Any) -> None:
    """Take away what would stand in the way of inlining and of gradients, in place.

    `_gradient_op_type` names a gradient in Python that was registered where the file was made: without it, the gradient
    of the operations themselves is taken (for swish, say, they are equal).
    """
    for function in graph.library.function:
        for name in ("_XlaMustCompile", "_noinline"):
            function.attr.pop(name, None)
    for _, node in _operations(graph):
        for name in ("_gradient_op_type", "_XlaMustCompile", "_noinline", "_output_shapes"):
            node.attr.pop(name, None)


def _rename_functions(graph: Any) -> None:
    """Give the functions of a GraphDef names of their own, in place: TensorFlow knows one function of a name only."""
    digest = hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()[:16]
    names = {function.signature.name: f"brought_{digest}_{row}" for row, function in enumerate(graph.library.function)}
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    for node in nodes:
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            called = [value.func] if value.HasField("func") else []
            for function in [*called, *value.list.func]:
                function.name = names.get(function.name, function.name)
    for function in graph.library.function:
        function.signature.name = names[function.signature.name]


def _variable_values(path: str | Path, meta: Any, pruned: Any) -> dict[str, NDArray[Any]]:
    """Return {VarHandleOp node: value} of the variables that the pruned graph reads.

    In a SavedModel of TensorFlow 2 a call's last inputs are what its function captured, whose objects the file lists;
    where an object's value is in the checkpoint, follows from its place among the objects. In one of TensorFlow 1 the
    checkpoint's keys are the variables' names.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    handles = {node.name: node for node in pruned.node if node.op == "VarHandleOp"}
    if not handles:
        return {}
    reader = tf.train.load_checkpoint(str(Path(path) / "variables" / "variables"))
    keys: dict[str, str] = {}
    if reader.has_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"):
        stored = trackable_object_graph_pb2.TrackableObjectGraph()
        stored.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
        objects = _same_objects(meta.object_graph_def, stored)
        for node in pruned.node:
            # Asking a protocol buffer's map for a key that it lacks would add the key.
            function = node.attr["f"].func.name if "f" in node.attr else ""
            if function not in meta.object_graph_def.concrete_functions:
                continue
            captured = meta.object_graph_def.concrete_functions[function]
            if not captured.bound_inputs:
                continue
            inputs = [name for name in node.input if not name.startswith("^")][-len(captured.bound_inputs) :]
            for name, number in zip(map(_node_of, inputs), captured.bound_inputs, strict=True):
                if name in handles and number in objects:
                    keys[name] = objects[number]
    values = {}
    for name, node in handles.items():
        shared = node.attr["shared_name"].s.decode() if "shared_name" in node.attr else ""
        key = keys.get(name) or shared or name
        if not reader.has_tensor(key):
            raise InputError(f"{path}: the variable {name} is not among its variables/. Export the classifier again.")
        values[name] = reader.get_tensor(key)
    return values


def _same_objects(saved: Any, stored: Any) -> dict[int, str]:
    """Return {number of an object in the SavedModel: key of its value in the checkpoint}, by paths from the root."""
    keys: dict[int, str] = {}
    seen, waiting = set(), [(0, 0)]
    while waiting:
        pair = waiting.pop()
        if pair in seen:
            continue
        seen.add(pair)
        number, twin = pair
        for attribute in stored.nodes[twin].attributes:
            if attribute.name == "VARIABLE_VALUE":
                keys[number] = attribute.checkpoint_key
        twins = {child.local_name: child.node_id for child in stored.nodes[twin].children}
        waiting.extend(
            (child.node_id, twins[child.local_name])
            for child in saved.nodes[number].children
            if child.local_name in twins
        )
    return keys


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


PASSING_ON = ("Identity", "IdentityN", "Cast", "StopGradient", "PreventGradient")


def _scores(output: Any) -> Any:
    """Return the tensor of the class scores before the final softmax, or the output where it is linear."""
    tensor = output
    while tensor.op.type in PASSING_ON:
        tensor = tensor.op.inputs[tensor.value_index if tensor.op.type == "IdentityN" else 0]
    kind = tensor.op.type
    wanted = "Sigmoid" if tensor.shape[1] == 1 else "Softmax"
    if kind == wanted:
        return tensor.op.inputs[0]
    if kind in ("BiasAdd", "MatMul", "Add", "AddV2"):
        return tensor
    raise InputError(
        f"the class scores before the softmax cannot be told: it ends with {_own_name(tensor.op)} ({kind}), not with a "
        "softmax, a sigmoid of one output or a linear layer; `logits` can name the operation that gives them"
    )


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
    return max(spatial, key=lambda operation: (depths[operation], operation.name)).outputs[0]


def _own_name(operation: Any) -> str:
    """Return an operation's name in the file's own terms, empty for one that was put before it."""
    return operation.name.removeprefix(f"{SCOPE}/") if operation.name.startswith(f"{SCOPE}/") else ""


def _named(name: str, candidates: set[Any], *, rank: int, what: str) -> Any:
    """Return the output, of this rank, of the operation or scope called `name`.

    Exporting appends `_1` and the like to names of layers; where the name may then mean two of them, it is refused.
    """
    wanted = name.removesuffix(":0")
    suitable = {
        _own_name(operation): operation
        for operation in candidates
        if _own_name(operation) and operation.outputs and operation.outputs[0].shape.rank == rank
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
