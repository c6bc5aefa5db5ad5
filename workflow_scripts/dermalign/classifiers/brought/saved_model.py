"""A SavedModel read as data: its serving signature, refused where it would do more than compute.

Keras 3 cannot load a SavedModel as a model. Here its serving signature is taken out of the file as data, together with
the functions that it calls, and every operation in it is checked. Nothing else in the file (savers, initializers, other
signatures) is loaded, and nothing runs before the check. What becomes of it then: `freezing`, `graph_adoption`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError
from .files import GRAPH

SIGNATURES = ("serving_default", "serve")
NOT_A_SIGNATURE = "__saved_model_init_op"

# Operations with a state that a classifier may have: variables that are read, calls, control flow.
ALLOWED = {
    "VarHandleOp",
    # Of TensorFlow 1, read like a tensor; what may change one asks for a reference, which is refused below.
    "VariableV2",
    "Variable",
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
    r"Variable$|ResourceScatter|ResourceApply": "keeps a state of its own",
    r"Abort|Sleep": "stops or delays the process",
}
STRING, RESOURCE = 7, 20  # TensorFlow's numbers of these types


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
            f"{path}: has no signature serving_default, only {', '.join(sorted(signatures)) or 'none at all'}. Export "
            "the classifier with it: `model.export('folder')`."
        )
    ends = []
    for what, side in (("input", signatures[name].inputs), ("output", signatures[name].outputs)):
        if len(side) != 1:
            raise InputError(
                f"{path}: signature {name} has {len(side)} {what}s ({', '.join(sorted(side))}), must be one."
            )
        ends.append(next(iter(side.values())).name)
    pruned = _pruned(meta.graph_def, ends[1])
    refused = refused_operation(pruned)
    if refused:
        raise InputError(
            f"{path} would do more than compute, so nothing of it was run: {refused}. Export the classifier again "
            "with operations alone that compute its scores from (n, height, width, 3) pixels."
        )
    if node_of(ends[0]) not in {node.name for node in pruned.node}:
        raise InputError(f"{path}: the output of signature {name} does not depend on its input.")
    return meta, pruned, ends[0], ends[1]


def refused_operation(graph: Any) -> str | None:
    """Return what the first operation of a GraphDef (functions included) that may do more than compute is, or None.

    Allowed is what TensorFlow registers as without state, but for what `REASONS` names, and the operations of
    `ALLOWED`. Nothing is imported or run: TensorFlow computes constants already while it imports a graph.
    """
    from tensorflow.python.framework import op_def_registry

    for where, node in operations_in(graph):
        place = f"the operation {node.name} ({node.op}{where})"
        definition = op_def_registry.get(node.op)
        if definition is None:
            return f"{place} is none of TensorFlow's, it needs a library of its own"
        if node.op in ALLOWED:
            continue
        for pattern, reason in REASONS.items():
            if re.search(pattern, node.op):
                return f"{place} {reason}"
        if any(argument.is_ref for argument in definition.input_arg):
            return f"{place} may change a variable"
        if definition.is_stateful:
            return f"{place} keeps a state or has side effects"
        types = {argument.type for argument in [*definition.input_arg, *definition.output_arg]}
        if types & {STRING, RESOURCE}:
            return f"{place} works on texts or resources"
    return None


def node_of(name: str) -> str:
    """Return the name of the node that a tensor, or a control input, is of."""
    return name.removeprefix("^").partition(":")[0]


def _pruned(graph: Any, target: str) -> Any:
    """Return the part of a GraphDef, and of its functions, that the tensor `target` depends on."""
    from tensorflow.core.framework import graph_pb2

    nodes = {node.name: node for node in graph.node}
    functions = {function.signature.name: function for function in graph.library.function}
    wanted, waiting = set(), [node_of(target)]
    while waiting:
        name = waiting.pop()
        if name in wanted or name not in nodes:
            continue
        wanted.add(name)
        waiting.extend(map(node_of, nodes[name].input))
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


def operations_in(graph: Any) -> Iterator[tuple[str, Any]]:
    """Yield (where, node) of all operations of a GraphDef that are no calls of its functions, those in these included.

    where: empty, or in which function, as words that follow the operation's.
    """
    names = {function.signature.name for function in graph.library.function}
    yield from (("", node) for node in graph.node if node.op not in names)
    for function in graph.library.function:
        where = f" in the function {function.signature.name}"
        yield from ((where, node) for node in function.node_def if node.op not in names)
