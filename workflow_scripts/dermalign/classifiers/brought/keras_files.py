"""Files of Keras that are brought along: read as data, and loaded only where they name parts of Keras alone."""

import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...data.archives import MEMORY, UNREADABLE
from ...data.file_kinds import HEAD, is_hdf5, kind_of_content
from ...errors import InputError
from ...hdf5 import open_file
from ..sound_files import demand_sound
from .old_keras import applications, lost_keys, modernised

if TYPE_CHECKING:
    import keras

# What a file of Keras may name: parts of networks. Others of Keras's modules fetch, load and save.
MODULES = (
    "layers",
    "models",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "ops",
    "random",
    "dtype_policies",
    "quantizers",
    "optimizers",
    "losses",
    "metrics",
)
# Of these, the ones whose functions compute; functions of others build, load or save.
MODULES_OF_FUNCTIONS = ("activations", "initializers", "regularizers", "constraints", "ops", "losses", "metrics")
LARGEST_CONFIGURATION = 1 << 27  # bytes; what is larger once unpacked is no network's
MODELS = ("Sequential", "Functional", "Model")
# Layers that Keras 2 made of operations of TensorFlow between layers.
OF_KERAS_2 = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer")
# Layers of Keras that hold code, or load it from another file.
OF_CODE = {
    "Lambda": "a Lambda layer, which is Python code",
    "__lambda__": "a Python lambda",
    "TFSMLayer": "a TFSMLayer, which loads another file",
    "TorchModuleWrapper": "a TorchModuleWrapper, which is Python code",
    "JaxLayer": "a JaxLayer, which is Python code",
    "FlaxLayer": "a FlaxLayer, which is Python code",
    "__typespec__": "a type of TensorFlow's",
    # Of texts, which no classifier of pictures takes, and whose words may stand in another file.
    "StringLookup": "a StringLookup, which may read another file",
    "IntegerLookup": "an IntegerLookup, which may read another file",
    "TextVectorization": "a TextVectorization, which may read another file",
}
INSTEAD = (
    "Build the classifier of Keras's own layers and operations and save it again; or, where its code is at home, "
    "export it with `model.export('folder')` and name that folder: a SavedModel holds TensorFlow's operations alone."
)

OLD_INSTEAD = (
    "Open it with the Keras that wrote it, export it with `model.export('folder')` (before Keras 2.13: "
    "`tf.saved_model.save(model, 'folder')`), and name that folder."
)
SAVE_AGAIN = "Save the classifier again: `model.save('name.keras')`."


class KerasFile(NamedTuple):
    """A file of a Keras model, read as data."""

    configuration: Any
    """of the model, in the words of this Keras"""
    is_zip: bool
    """whether it is a .keras file, a zip, and not a .h5 file"""
    version: str
    """of the Keras that wrote it, as far as the file says"""
    is_as_written: bool
    """whether the configuration stands so in the file"""


def load_keras_file(path: str | Path) -> "keras.Model":
    """Load a .keras or .h5 file whose configuration names parts of Keras alone, in safe mode, not compiled.

    The configuration is read as data before Keras sees it; a file that would execute code is refused with the layer.
    One of Keras 2 is put into the words of Keras 3. Which kind of file it is, its content tells. Raises InputError.
    """
    import keras

    file = _read(Path(path))
    _check_parts(path, file)
    try:
        with _as_keras_reads_it(Path(path), file) as readable:
            return keras.models.load_model(readable, custom_objects=_unpublished_parts(), compile=False, safe_mode=True)
    except Exception as error:  # Keras raises what its layers raise
        raise InputError(_unloadable(path, file, error)) from error


def _unloadable(path: str | Path, file: KerasFile, error: Exception) -> str:
    """Return what to say of a file that names parts of Keras alone and that Keras does not load all the same."""
    import keras

    first = str(error).strip().partition("\n")[0].partition(" using config=")[0].rstrip(".")
    said = f"{path}{_written_by(file)} cannot be loaded by Keras {keras.__version__}: {first}."
    if file.version.startswith("3"):
        # Keras itself cannot load such a file again: it takes the operation `+` for the layer Add, say.
        if file.is_zip:
            return f"{said} {SAVE_AGAIN}"
        return f"{said} A .h5 file does not tell operations from layers: try `model.save('name.keras')`."
    if lost := list(dict.fromkeys(lost_keys(file.configuration))):
        known = f"has what Keras {keras.__version__} does not know: {'; '.join(lost[:3])}"
        return f"{path}{_written_by(file)} {known}. {OLD_INSTEAD}"
    return f"{said} {OLD_INSTEAD}"


def _check_parts(path: str | Path, file: KerasFile) -> None:
    """Raise InputError where a file names what is no part of this Keras: code that comes with it, or what is old."""
    import keras

    foreign = list(dict.fromkeys(foreign_parts(file.configuration, is_legacy=not file.is_zip)))
    code = [words for words, is_old in foreign if not is_old]
    reasons = code or [words for words, _ in foreign]
    if not reasons:
        return
    some = f"{'; '.join(reasons[:3])}{f'; and {len(reasons) - 3} more' if len(reasons) > 3 else ''}"
    if code:
        raise InputError(f"{path} would execute code that comes with it, so it was not loaded: {some}. {INSTEAD}")
    raise InputError(
        f"{path}{_written_by(file)} has parts that Keras {keras.__version__} does not have: {some}. {OLD_INSTEAD}"
    )


def _written_by(file: KerasFile) -> str:
    return f", which Keras {file.version} wrote," if file.version else ""


@contextmanager
def _as_keras_reads_it(path: Path, file: KerasFile) -> Iterator[Path]:
    """Yield the file, or a copy with the suffix that its content should have and the configuration of this Keras."""
    suffix = ".keras" if file.is_zip else ".h5"
    if file.is_as_written and path.suffix == suffix:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"copy{suffix}"
        if file.is_zip:
            with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
                for name in source.namelist():
                    is_configuration = name == "config.json"
                    target.writestr(name, json.dumps(file.configuration) if is_configuration else source.read(name))
        else:
            shutil.copyfile(path, copy)
            with open_file(copy, "a") as target_file:
                target_file.attrs["model_config"] = json.dumps(file.configuration)
        yield copy


def _read(path: Path) -> KerasFile:
    """Return what a file says of its model. Raises InputError for what is none, in words that say what it is."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file. Correct the path, or run again to make it.")
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    try:
        demand_sound(path)
        if head.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                if "config.json" not in names:
                    raise InputError(f"{path} is {_other_zip(names)}")
                if archive.getinfo("config.json").file_size > LARGEST_CONFIGURATION:
                    raise ValueError("its config.json is larger than any network's")
                written = json.loads(archive.read("config.json"))
                metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
            # Not read when a model is loaded without being compiled.
            written = {key: value for key, value in written.items() if key != "compile_config"}
            version = str(metadata.get("keras_version", ""))
        elif is_hdf5(head):
            with open_file(path) as file:
                text, version = file.attrs.get("model_config"), str(file.attrs.get("keras_version", ""))
            if text is None:
                raise InputError(
                    f"{path} holds no model, weights at most. Save the whole model: `model.save('name.keras')`."
                )
            written = json.loads(text)
        else:
            kind = kind_of_content(head)
            if kind:
                raise InputError(f"{path} is {kind}, no file of a Keras model. {SAVE_AGAIN}")
            raise ValueError("it begins like no file of Keras")
        is_old = not version.startswith("3")
        configuration = modernised(written) if is_old else written
    except (*UNREADABLE, AttributeError, TypeError) as error:
        words = str(error) or MEMORY
        raise InputError(f"{path} is no whole file of a Keras model ({words}). {SAVE_AGAIN}") from error
    return KerasFile(configuration, head.startswith(b"PK"), version, configuration == written)


def _other_zip(names: Sequence[str]) -> str:
    """Return what a zip is that is no .keras file, and what to do, by the names of its files."""
    if any(name.endswith("data.pkl") for name in names):
        return "a file of PyTorch, which holds Python code. Bring the classifier as a Keras model or a SavedModel."
    if any(name.endswith("saved_model.pb") for name in names):
        return "a zip of a SavedModel. Unpack it and name the folder that has saved_model.pb."
    if any(name.lower().endswith((".keras", ".h5")) for name in names):
        return "a zip of a Keras model. Unpack it and name the model's file."
    return f"a zip without config.json, so no file of a Keras model. {SAVE_AGAIN}"


def foreign_parts(configuration: Any, is_legacy: bool, layer: str = "") -> Iterator[tuple[str, bool]]:
    """Yield words on each part of a model's configuration that is no part of this Keras or holds code, and its layer.

    With them whether it is merely of another Keras: a class in Keras's own modules that this one does not have.
    is_legacy: of a .h5 file, which names classes without their modules.
    """
    if isinstance(configuration, list):
        for part in configuration:
            yield from foreign_parts(part, is_legacy, layer)
    elif isinstance(configuration, dict):
        kind, inner = configuration.get("class_name"), configuration.get("config")
        if isinstance(kind, str):
            if isinstance(inner, dict) and isinstance(inner.get("name"), str) and "DTypePolicy" not in kind:
                layer = inner["name"]
            if reason := _foreign(configuration, kind, inner, is_legacy):
                yield f"layer {layer!r} is or has {reason}", _is_of_another_keras(configuration, kind)
                return
        for part in configuration.values():
            yield from foreign_parts(part, is_legacy, layer)


def _foreign(configuration: Mapping[str, Any], kind: str, inner: Any, is_legacy: bool) -> str | None:
    import keras

    if kind in OF_CODE:
        return OF_CODE[kind]
    if kind.startswith("__"):  # a tensor or another plain value
        return None
    module = configuration.get("module")
    if kind == "TensorShape" and "items" in configuration:
        return None
    if module is None and is_legacy:
        return None if _named_parts().get(kind) else f"a {kind}, which this Keras does not have"
    if not isinstance(module, str):
        return f"a {kind} of no module of Keras"
    if kind == "function":
        named = [getattr(keras, part) for part in MODULES_OF_FUNCTIONS]
        is_known = module == "builtins" and any(hasattr(part, str(inner)) for part in named)
        if is_known or _has_function(module, str(inner)):
            return None
        return f"the function {inner} of {module}, no part of Keras"
    if module == "keras" and kind in MODELS:
        return None
    # Only what `import keras` has loaded is looked at: a file imports nothing.
    part = getattr(sys.modules.get(module), kind, None) if module.partition(".")[0] == "keras" else None
    return None if _is_part(part) else f"a {kind} of {module}, no part of Keras"


def _is_of_another_keras(part: Mapping[str, Any], kind: str) -> bool:
    if kind in OF_KERAS_2:
        return True
    module = str(part.get("module"))
    is_there = hasattr(sys.modules.get(module), kind)
    return module.startswith("keras.") and kind != "function" and kind not in OF_CODE and not is_there


def _is_part(found: Any) -> bool:
    """Return whether something is a class of Keras's own that a network consists of, and holds no code."""
    import keras

    kinds = (
        keras.Operation,  # layers and models, too
        keras.Variable,
        keras.initializers.Initializer,
        keras.regularizers.Regularizer,
        keras.constraints.Constraint,
        keras.dtype_policies.DTypePolicy,
        keras.quantizers.Quantizer,
        keras.optimizers.Optimizer,
        keras.optimizers.schedules.LearningRateSchedule,
        keras.losses.Loss,
        keras.metrics.Metric,
        keras.random.SeedGenerator,
    )
    if not isinstance(found, type) or not issubclass(found, kinds):
        return False
    # Not by the names of what it descends from: every layer's base on the backend JAX is called JaxLayer, too.
    of_code = tuple(getattr(keras.layers, name) for name in OF_CODE if hasattr(keras.layers, name))
    return found.__module__.startswith("keras.") and not issubclass(found, of_code)


@cache
def _named_parts() -> dict[str, Any]:
    """Return the parts of Keras by name, as .h5 files name them: those that it publishes, and its applications' own."""
    import keras

    published = [getattr(keras, part) for part in MODULES] + [keras]
    found = _unpublished_parts()
    for module in published:
        found |= {name: getattr(module, name) for name in dir(module) if _is_part(getattr(module, name))}
    functions = {name: True for module in MODULES_OF_FUNCTIONS for name in dir(getattr(keras, module))}
    return {**functions, **found, **dict.fromkeys(MODELS, True)}


def _unpublished_parts() -> dict[str, Any]:
    """Return the parts of Keras that it does not find by name alone: those of its applications, as LayerScale."""
    return {name: part for module in applications() for name, part in vars(module).items() if _is_part(part)}


def _has_function(module: str, name: str) -> bool:
    """Return whether a module of Keras's functions may have one of a name: its own, and nothing that it imports."""
    first, *_ = module.removeprefix("keras.src.").removeprefix("keras.").split(".")
    if not module.startswith("keras.") or first not in MODULES_OF_FUNCTIONS or module not in sys.modules:
        return False
    function = getattr(sys.modules[module], name, None)
    return function is None or str(getattr(function, "__module__", "")).startswith("keras.")
