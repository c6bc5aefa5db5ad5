"""A SavedModel's serving signature, frozen: its variables become constants, its functions are inlined.

The variables are read from the checkpoint by TensorFlow's own reader; what remains, constants and operations that
compute, is one graph.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .saved_model import node_of, operations_in, read_signature

HANDLE = "VarHandleOp"
REFERENCES = ("VariableV2", "Variable")  # variables of TensorFlow 1


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
    _without_references(pruned, values)
    placeholder = next(node for node in pruned.node if node.name == node_of(source))
    if placeholder.op != "Placeholder":
        raise InputError(f"{path}: the input of its signature is a {placeholder.op}. Export the classifier again.")
    dtype = tf.dtypes.as_dtype(placeholder.attr["dtype"].type)
    shape = tf.TensorShape(placeholder.attr["shape"].shape)
    if shape.rank != 4 or shape[3] not in (3, None):
        raise InputError(f"{path}: takes {shape}, must take RGB pictures (n, height, width, 3), channels last.")
    _without_attributes(pruned)
    _rename_functions(pruned)
    handles = [node.name for node in pruned.node if node.op == HANDLE]
    variables = {name: tf.Variable(values[name], trainable=False) for name in handles}

    def compute(pictures: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        captured = {}
        for name, variable in variables.items():
            graph.watch_variable(variable)
            captured[f"{name}:0"] = graph.capture(variable.handle)
        (result,) = tf.graph_util.import_graph_def(
            pruned, input_map={source: pictures, **captured}, return_elements=[target], name=""
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


def _without_references(graph: Any, values: Mapping[str, NDArray[Any]]) -> None:
    """Put constants in the places of TensorFlow 1's variables, in place: nothing in the graph may change them."""
    import tensorflow as tf

    for node in graph.node:
        if node.op in REFERENCES:
            constant = tf.make_tensor_proto(values[node.name])
            node.op = "Const"
            del node.input[:]
            for name in list(node.attr):
                del node.attr[name]
            node.attr["dtype"].type = constant.dtype
            node.attr["value"].tensor.CopyFrom(constant)


def _variable_values(path: str | Path, meta: Any, pruned: Any) -> dict[str, NDArray[Any]]:
    """Return {node: value} of the variables that the pruned graph reads.

    In a SavedModel of TensorFlow 2 a call's last inputs are what its function captured, whose objects the file lists;
    where an object's value is in the checkpoint, follows from its place among the objects. In one of TensorFlow 1 the
    file lists no objects: the checkpoint's keys are the variables' names; or, where Keras wrote it, it lists objects
    with these names.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    nodes = {node.name: node for node in pruned.node if node.op in (HANDLE, *REFERENCES)}
    if not nodes:
        return {}
    try:
        reader = tf.train.load_checkpoint(str(Path(path) / "variables" / "variables"))
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{path}: its variables/ cannot be read ({str(error).strip().splitlines()[0]}). Complete the folder."
        ) from error
    by_object: dict[str, str] = {}
    by_name: dict[str, set[str]] = {}
    if reader.has_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"):
        stored = trackable_object_graph_pb2.TrackableObjectGraph()
        stored.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
        if meta.object_graph_def.nodes:
            by_object = _keys_by_object(meta, pruned, stored)
        else:
            for attribute in (attribute for node in stored.nodes for attribute in node.attributes):
                if attribute.name == "VARIABLE_VALUE" and attribute.full_name:
                    by_name.setdefault(attribute.full_name, set()).add(attribute.checkpoint_key)
    values = {}
    for name, node in nodes.items():
        shared = node.attr["shared_name"].s.decode() if "shared_name" in node.attr else ""
        names = [each for each in (shared, name) if each]
        known = [by_object[name]] if name in by_object else [each for each in names if reader.has_tensor(each)]
        keys = known[:1] or next((sorted(by_name[each]) for each in names if each in by_name), [])
        if len(keys) > 1:
            raise InputError(
                f"{path}: {len(keys)} of its variables/ are called {name}, as {keys[0]}. Export the classifier again "
                "with layers of different names."
            )
        value = reader.get_tensor(keys[0]) if keys else _part_of_whole(reader, name, pruned)
        if value is None:
            raise InputError(f"{path}: the variable {name} is not among its variables/. Export the classifier again.")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise InputError(
                f"{path}: its variable {name} holds NaN or infinite values, as a training that failed leaves them. "
                "Export the classifier from before it failed."
            )
        values[name] = value
    return values


def _part_of_whole(reader: Any, name: str, graph: Any) -> NDArray[Any] | None:
    """Return the value of one part of a variable that TensorFlow 1 partitioned, None where it is none.

    The checkpoint has the whole under the name without `/part_0`; the parts follow each other along one axis.
    """
    match = re.fullmatch(r"(.*)/part_(\d+)", name)
    if match is None or not reader.has_tensor(match[1]):
        return None
    whole = reader.get_tensor(match[1])
    shapes = {
        int(part[1]): [dimension.size for dimension in node.attr["shape"].shape.dim]
        for node in graph.node
        if (part := re.fullmatch(rf"{re.escape(match[1])}/part_(\d+)", node.name))
    }
    shape = shapes[int(match[2])]
    (axis,) = [axis for axis, size in enumerate(whole.shape) if size != shape[axis]] or [0]
    start = sum(shapes[number][axis] for number in range(int(match[2])))
    return np.take(whole, range(start, start + shape[axis]), axis)


def _keys_by_object(meta: Any, pruned: Any, stored: Any) -> dict[str, str]:
    """Return {node of a variable: key of its value in the checkpoint}, as far as the file says which object it is."""
    keys: dict[str, str] = {}
    objects = _same_objects(meta.object_graph_def, stored)
    handles = {node.name for node in pruned.node if node.op == HANDLE}
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
    return keys


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
