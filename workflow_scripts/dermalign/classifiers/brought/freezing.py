"""A SavedModel's serving signature, frozen: its variables become constants, its functions are inlined.

The variables are read from the checkpoint by TensorFlow's own reader; what remains, constants and operations that
compute, is one graph.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ...errors import InputError
from .saved_model import node_of, operations_in, read_signature


class Frozen(NamedTuple):
    """A SavedModel's serving signature as a graph of constants."""

    graph: Any
    """GraphDef"""
    input: str
    """its input's tensor"""
    output: str
    """its output's tensor"""
    shape: tuple[int | None, ...]
    """(n, h, w, 3) of the input, None where any will do"""
    dtype: Any
    """of the input, TensorFlow's"""


def freeze(path: str | Path) -> Frozen:
    """Return a SavedModel's serving signature with its variables as constants and its functions inlined.

    Raises InputError as `read_signature`, and where a variable is not in the checkpoint.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    meta, pruned, source, target = read_signature(path)
    values = _variable_values(path, meta, pruned)
    placeholder = next(node for node in pruned.node if node.name == node_of(source))
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


def _without_attributes(graph: Any) -> None:
    """Take away what would stand in the way of inlining and of gradients, in place.

    `_gradient_op_type` names a gradient in Python that was registered where the file was made: without it, the gradient
    of the operations themselves is taken (for swish, say, they are equal).
    """
    for function in graph.library.function:
        for name in ("_XlaMustCompile", "_noinline"):
            function.attr.pop(name, None)
    for _, node in operations_in(graph):
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
            for name, number in zip(map(node_of, inputs), captured.bound_inputs, strict=True):
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
