"""The configuration, checked before any job, with messages in plain words."""

import copy
import difflib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from ..errors import InputError, InputErrors
from ..terms import OVERALL, SHARES
from .group_settings import check_group_settings
from .groups import check_groups
from .mask_pattern import ISIC_LESION_MASKS, ISIC_MASKS, check_lesion_pattern, check_mask_pattern
from .sources import (
    ALL,
    CEILING,
    CHANCE,
    CONTROL_OWNER,
    DIAGNOSIS,
    PREDICTED,
    READER_OWNER,
    all_methods,
    kinds_of,
    method_entries,
    methods_of,
    schema_parts,
)

# In the repository beside the workflow; of the library that was installed by itself, inside it.
_PLACES = [Path(__file__).resolve().parents[up] / "schemas" / "configuration.schema.yaml" for up in (3, 1)]
SCHEMA = _PLACES[0] if _PLACES[0].is_file() else _PLACES[1]

# Keys of models that are trained here, and of those that are brought along.
ONLY_TRAINED = ("architecture", "weights", "head", "training")
ONLY_BROUGHT = ("classes", "logits")

# Columns that stand beside those of the features (manifest/evaluation.csv, tables), and words in the place of a class,
# or of a feature in files of curves.
MANIFEST_COLUMNS = ("union", "image", "diagnosis", "width", "height", "included", "reason", "feature")
CLASS_WORDS = ("all",)

# How many items or keys there may be, by the schema's word for it.
_COUNTS = {
    "minItems": ("at least", "items"),
    "maxItems": ("at most", "items"),
    "minProperties": ("at least", "keys"),
}

# More than any study has: values, each counted as often as YAML's aliases repeat it, levels, and letters of a name.
MOST_VALUES, MOST_LEVELS, LONGEST_NAME = 100_000, 20, 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_TYPES = {
    "object": "keys with values",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def checked(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration without its null values and with the schema's defaults filled in.

    A null takes a key away (so an overlay can drop what config.yaml names), except where the schema knows null as
    a value. Raises InputError with one sentence per fault.
    """
    complete = _completed(configuration, read_schema())
    _check_relations(complete)
    return complete


def check_file(path: str | Path) -> None:
    """Raise InputError where a file of configuration has a key twice in one place, of which YAML reads the last alone.

    What cannot be read at all is told by whoever reads it.
    """
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        faults = list(_keys_twice(root, "", set()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):  # the last of a list that is within itself
        return
    if faults:
        raise InputErrors([f"{path}: {fault}" for fault in faults])


def _keys_twice(node: Any, where: str, seen: set[int]) -> Iterator[str]:
    """Yield a sentence on each key that a node of YAML, or one within it, has twice.

    where: keys above it. seen: the nodes that were looked at, as aliases repeat them without end.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            yield from _keys_twice(item, f"{where}{place}.", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines and name != "<<":  # of what is merged, all counts
                yield (
                    f"`{where}{name}` stands there twice, in line {lines[name]} and in line {line}, of which one alone "
                    "would be read. Take one away, or put what is below them together."
                )
            lines[name] = line
            yield from _keys_twice(value, f"{where}{name}.", seen)


def complete_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return one entry of `models:` with the schema's defaults filled in, so that a notebook trains as the workflow.

    Raises InputError with one sentence per fault, a misspelt key among them.
    """
    return _completed(settings, _children(read_schema()["properties"]["models"], ""))


def complete_network(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return one entry of `segmentation.networks:` with the schema's defaults filled in; raises as `complete_model`."""
    return _completed(settings, _children(_children(read_schema()["properties"]["segmentation"], "networks"), ""))


def _completed(value: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    _check_extent(value)
    pruned = _without_nulls(value, schema)
    faults = sorted(Draft202012Validator(schema).iter_errors(pruned), key=lambda fault: list(map(str, fault.path)))
    # Two missing keys are two faults with one sentence.
    sentences = dict.fromkeys([*map(_sentence, faults), *_of_values(pruned, "")])
    if sentences:
        raise InputError("the configuration cannot be used:\n" + "\n".join(f"- {text}" for text in sentences))
    return _with_defaults(pruned, schema)


def _of_values(value: Any, where: str) -> Iterator[str]:
    """Yield a sentence on each value that no schema refuses and no key can have: NaN, which is within all bounds."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _of_values(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _of_values(item, f"{where}.{place}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"`{where}` is {json.dumps(value)}, which is no number to compute with. Write a finite number."
    elif value == "":
        yield f"`{where}` is an empty text. Write what it is to be; where it may be left out, a null does that."


def _check_extent(configuration: Mapping[str, Any]) -> None:
    """Raise InputError for what would never be read to its end, and for texts that no file can be called by.

    YAML's aliases repeat a part without room: ten of ten, ten times over, are more values than can be counted. A
    pattern that ends with `$` takes a text that ends with a line's end.
    """
    waiting: list[tuple[str, Any, int]] = [("the configuration", configuration, 0)]
    for count in itertools.count():
        if not waiting:
            return
        where, value, level = waiting.pop()
        if count > MOST_VALUES or level > MOST_LEVELS:
            raise InputError(
                f"{where[:LONGEST_NAME]}: there are more than {MOST_VALUES} values, or {MOST_LEVELS} levels in the "
                "configuration, as aliases of YAML within each other make them. Write it without."
            )
        if isinstance(value, Mapping):
            texts = [key for key in value if isinstance(key, str)]
            waiting += [(f"{where}.{key}" if level else f"`{key}`", part, level + 1) for key, part in value.items()]
            if long := [key for key in texts if len(key) > LONGEST_NAME]:
                raise InputError(f"{where} has the name {long[0]!r}, of more than {LONGEST_NAME} letters. Shorten it.")
        else:
            texts = [value] if isinstance(value, str) else []
            waiting += [(where, part, level + 1) for part in value] if isinstance(value, list) else []
        if odd := [text for text in texts if _CONTROL.search(text)]:
            raise InputError(f"{where} has {odd[0]!r}, with an end of line or a control character. Write it without.")


def read_schema() -> dict[str, Any]:
    """Return the schema of the configuration; what map sources there may be comes from their registry."""
    schema = copy.deepcopy(_schema_of_file())
    schema["properties"].update(schema_parts())
    model = schema["properties"]["models"]["additionalProperties"]
    for branch in (model["then"], model["else"]):
        branch["properties"]["methods"] = method_entries(of_model=True)
    return schema


@cache  # parsing takes a hundred times as long as a copy
def _schema_of_file() -> dict[str, Any]:
    schema: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return schema


def _branch(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the branch of an if-then-else schema that holds for `value`; a key that is null counts as not there."""
    for part in schema.get("allOf", ()):  # a branch for each kind of map source
        if value.get("kind") == part["if"]["properties"]["kind"]["const"]:
            return part["then"]
    if "if" not in schema:
        return schema
    has_all = all(value.get(key) is not None for key in schema["if"]["required"])
    return schema["then" if has_all else "else"]


def _children(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    additional = schema.get("additionalProperties")
    return schema.get("properties", {}).get(key) or (additional if isinstance(additional, Mapping) else {})


def _without_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping):
        return value
    branch = _branch(schema, value)
    return {
        key: _without_nulls(item, _children(branch, key))
        for key, item in value.items()
        if item is not None or "null" in _children(branch, key).get("type", []) or not _is_known(schema, key)
    }


def _is_known(schema: Mapping[str, Any], key: str) -> bool:
    if "if" in schema:  # known of a model that is brought, or of one that is trained
        return _is_known(schema["then"], key) or _is_known(schema["else"], key)
    if "allOf" in schema:  # known of any kind of map source, since an overlay may change the kind
        return any(_is_known(part["then"], key) for part in schema["allOf"])
    return key in schema.get("properties", {}) or schema.get("additionalProperties") is not False


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping):
        return value
    schema = _branch(schema, value)
    known = schema.get("properties", {})
    complete = {**{key: child["default"] for key, child in known.items() if "default" in child}, **value}
    # In the schema's order, since Snakemake compares params as text: keys written in another order are no change. But
    # names that the user chooses, some of which the schema may know, are in the user's: of methods, the first counts.
    ordered = list(complete)
    if not isinstance(schema.get("additionalProperties"), Mapping):
        ordered = [*(key for key in known if key in complete), *(key for key in complete if key not in known)]
    return {key: _with_defaults(complete[key], _children(schema, key)) for key in ordered}


def _sentence(fault: Any) -> str:  # a ValidationError, whose fields are typed too loosely to be used
    where = ".".join(map(str, fault.absolute_path))
    if fault.validator == "additionalProperties":
        known = list(fault.schema.get("properties", {}))
        unknown = [key for key in fault.instance if key not in known]
        of_training = [key for key in unknown if key in ONLY_TRAINED]
        if "classifier" in known and of_training:
            return (
                f"`{where}` has `classifier`, which is brought along as it is, and also "
                f"{', '.join(f'`{key}`' for key in of_training)}, of a model that is trained here. Take one or the "
                "other away; in an overlay, a null takes a key away, and a model of another name leaves it out."
            )
        if "architecture" in known and (of_brought := [key for key in unknown if key in ONLY_BROUGHT]):
            return (
                f"`{where}` has {', '.join(f'`{key}`' for key in of_brought)}, which only a model with `classifier`, "
                "the path of one that is brought along, can have."
            )
        return " ".join(_unknown_key(f"{where}.{key}" if where else key, key, known) for key in unknown)
    if fault.validator == "required":
        missing = [key for key in fault.validator_value if key not in fault.instance]
        return (
            f"`{where or 'the top level'}` lacks {', '.join(f'`{key}`' for key in missing)}. Add it{_near_kind(fault)}"
        )
    value = json.dumps(fault.instance, default=str)
    if fault.validator == "enum":
        return f"`{where}` is {value}; it must be one of {', '.join(map(str, fault.validator_value))}."
    if fault.validator == "type":
        types = [fault.validator_value] if isinstance(fault.validator_value, str) else fault.validator_value
        hint = _yaml_hint(fault.instance) if "number" in types else ""
        return f"`{where}` is {value}; it must be {' or '.join(_TYPES[name] for name in types)}.{hint}"
    if fault.validator == "pattern":
        return f"`{where}` is {value}; it must match {fault.validator_value}."
    if fault.validator == "uniqueItems":
        twice = next(item for place, item in enumerate(fault.instance) if item in fault.instance[:place])
        return f"`{where}` has {json.dumps(twice, default=str)} twice. Take one away."
    if fault.validator in _COUNTS:
        bound, things = _COUNTS[fault.validator]
        return f"`{where}` has {len(fault.instance)} {things}; it must have {bound} {fault.validator_value}."
    if fault.validator == "oneOf":
        branches = fault.validator_value
        if any("const" in branch for branch in branches):  # a number, or a word in its place
            words = [
                branch.get("const") or f"{_TYPES[branch['type']]} of at least {branch['minimum']}"
                for branch in branches
            ]
            return f"`{where}` is {value}; it must be {', or '.join(words)}."
        return f"`{where}` is {value}; it must be a list of numbers, at least one, or start, stop and step."
    bounds = {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "greater than",
        "exclusiveMaximum": "less than",
    }
    if fault.validator in bounds:
        return f"`{where}` is {value}; it must be {bounds[fault.validator]} {fault.validator_value}."
    return f"`{where}`: {fault.message}."


def _near_kind(fault: Any) -> str:
    """Return the end of a sentence on a saliency method that lacks its kind: whether it is a kind's name, misspelt."""
    if fault.validator_value != ["kind"] or list(fault.absolute_path)[-2:-1] != ["methods"]:
        return "."
    near = difflib.get_close_matches(str(fault.absolute_path[-1]), fault.schema["properties"]["kind"]["enum"], n=1)
    return f"; or did you mean `{near[0]}`?" if near else "."


def _yaml_hint(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[-+]?[\d.]*\d[eE][-+]?\d+", value):
        return ""
    return f" YAML reads {value} as a text; write {Decimal(value):f}."


def _unknown_key(where: str, key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here are {', '.join(known)}."
    return f"`{where}` is no key of the configuration; {hint}"


def _check_relations(configuration: Mapping[str, Any]) -> None:
    threshold_names(configuration["thresholds"])
    unknown = [name for name in configuration["evaluation_diagnoses"] if name not in configuration["classes"]]
    if unknown:
        raise InputError(
            f"evaluation_diagnoses names {', '.join(unknown)}, which `classes` does not: a prediction can be right "
            "only for a class that the classifiers know. Correct either list."
        )
    for model, settings in configuration["models"].items():
        lacking = [
            name for name in configuration["evaluation_diagnoses"] if name not in settings.get("classes", [name])
        ]
        if lacking:
            raise InputError(
                f"`models.{model}.classes` lacks {', '.join(lacking)}, an evaluation diagnosis: the classifier could "
                "never be right there. Correct it or evaluation_diagnoses."
            )
    _check_archives(configuration["archives"])
    _check_training_archives(configuration)
    check_groups(configuration.get("groups", {}), configuration["evaluation_diagnoses"], configuration["classes"])
    check_group_settings(configuration)
    _check_sources(configuration)
    _check_names(configuration)
    _check_published(configuration)
    if configuration["split"]["validation"] + configuration["split"]["test"] >= 1:
        raise InputError("split.validation and split.test leave nothing for training: their sum must be below 1.")


def _check_archives(archives: Mapping[str, Any]) -> None:
    pattern = archives.get("mask_pattern", ISIC_MASKS)
    check_mask_pattern(pattern)
    lesion_pattern = archives.get("lesion_pattern", ISIC_LESION_MASKS)
    check_lesion_pattern(lesion_pattern)
    if "drawn" in archives and lesion_pattern != ISIC_LESION_MASKS:
        raise InputError(
            f"archives.lesion_pattern is for archives that you bring: those that are drawn (archives.drawn) are named "
            f"{ISIC_LESION_MASKS}. Set archives.drawn to null, or leave it out."
        )
    _check_written(archives)
    if "drawn" in archives and (pattern != ISIC_MASKS or archives.get("missing_masks", "error") != "error"):
        raise InputError(
            f"archives.mask_pattern and missing_masks are for archives that you bring: those that are drawn "
            f"(archives.drawn) have all masks, named {ISIC_MASKS}. Set archives.drawn to null, or leave the two out."
        )


def _check_written(archives: Mapping[str, Any]) -> None:
    """Raise InputError for archives that a run would draw or fetch to a place outside of `archives.folder`."""
    drawn = {
        key: name for key, name in archives.items() if "drawn" in archives and key not in ("folder", "mask_pattern")
    }
    named = [*archives.get("sources", {}), *(name for name in drawn.values() if isinstance(name, str))]
    for name in [*named, *(archives["diagnoses"] if drawn else [])]:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(
                f"`archives` names {name}, which would be drawn or fetched to a place outside of archives.folder, "
                f"{archives['folder']}. Name files within it."
            )


def _check_training_archives(configuration: Mapping[str, Any]) -> None:
    archives = configuration["archives"]
    lacking = [key for key in ("training_pictures", "training_labels") if key not in archives]
    if not lacking:
        return
    missing = " and ".join(f"`{key}`" for key in lacking)
    if trained := [model for model, settings in configuration["models"].items() if "classifier" not in settings]:
        raise InputError(
            f"`archives` lacks {missing}, and {', '.join(trained)} must be trained. Add it, or bring all classifiers "
            "along (`classifier`)."
        )
    if "drawn" in archives:
        raise InputError(
            f"`archives` lacks {missing}, which archives.drawn draws. Add it, or set archives.drawn to null."
        )
    if kept := [key for key in ("training_pictures", "training_labels", "training_metadata") if key in archives]:
        raise InputError(
            f"`archives` lacks {missing}. Add it; or, since all classifiers are brought along, do without training "
            f"pictures: then set {' and '.join(kept)} to null, too."
        )


def _check_published(configuration: Mapping[str, Any]) -> None:
    for model, settings in configuration["models"].items():
        published = settings.get("published", {})
        if isinstance(published, str):  # a network; which there are, the file says
            if "published" not in configuration:
                raise InputError(
                    f"`models.{model}.published` names {published}, a network of a file of published values, and the "
                    "study has none. Name the file under `published`, or give the values themselves."
                )
            continue
        known = published_names(settings.get("classes", configuration["classes"]))
        for name in published:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known here are {', '.join(known)}."
                raise InputError(f"`models.{model}.published.{name}` is no metric; {hint}")


def published_names(classes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return {name under `published`: (metric, class)} of what may stand there."""
    overall = {metric: (metric, "all") for metric in OVERALL}
    return overall | {f"{metric}.{name}": (metric, name) for metric in SHARES for name in classes}


def _check_sources(configuration: Mapping[str, Any]) -> None:
    chance = configuration["controls"][CHANCE]
    _check_methods(configuration)
    methods = all_methods(configuration)
    for name, variant in configuration["variants"].items():
        if name in methods or name in chance:
            raise InputError(f"variants: {name} is the name of a method already. Choose another.")
        if variant["of"] not in methods:
            raise InputError(
                f"`variants.{name}.of` is {variant['of']}; it must be a saliency method: {', '.join(methods)}."
            )
    named = {
        "models": configuration["models"],
        "segmentation.networks": configuration["segmentation"]["networks"],
        "sources": configuration.get("sources", {}),
    }
    for key, names in named.items():
        for owner, whose in ((CONTROL_OWNER, "the controls"), (READER_OWNER, "readers")):
            if owner in names:
                raise InputError(f"{key}: {owner} is the first name of {whose}. Choose another.")
    _check_networks(named["segmentation.networks"], configuration["models"])
    squares = configuration["ceilings"]["grids"]
    if squares["stop"] < squares["start"]:
        raise InputError("ceilings.grids: stop is less than start. Correct either.")
    for key, others in (("sources", ("models", "segmentation.networks")), ("segmentation.networks", ("models",))):
        for name in named[key]:
            if taken := next((other for other in others if name in named[other]), None):
                whose = "a model" if taken == "models" else "a segmentation network"
                raise InputError(
                    f"{key}: {name} is the name of {whose}. Maps that belong to no model need another first name."
                )
    for family in kinds_of(CEILING):
        for key in ("models", "segmentation.networks"):
            if family in named[key]:
                raise InputError(f"{key}: {family} is dermalign's own name for sources of maps. Choose another.")
        if clash := [
            name for name in configuration.get("sources", {}).get(family, {}) if re.fullmatch(r"\d+x\d+", name)
        ]:
            raise InputError(
                f"`sources.{family}.{clash[0]}` is called as dermalign calls its own ceilings. Choose another name."
            )


def _check_networks(networks: Mapping[str, Any], models: Mapping[str, Any]) -> None:
    """Raise InputError for a segmentation network that starts from what is no classifier of its architecture."""
    for name, settings in networks.items():
        if "start_from" not in settings:
            continue
        where, model = f"segmentation.networks.{name}", settings["start_from"]
        fitting = [other for other, own in models.items() if own.get("architecture") == settings["architecture"]]
        if model not in fitting:
            raise InputError(
                f"`{where}.start_from` is {model}; it must be a model that is trained here, of the network's own "
                f"architecture, {settings['architecture']}: {', '.join(fitting) or 'there is none'}."
            )
        if settings["weights"] != "none":
            raise InputError(
                f"`{where}` has both `weights` and `start_from`, {model}, whose weights it would start from. Set "
                "weights to none, or take start_from away."
            )


def _check_methods(configuration: Mapping[str, Any]) -> None:
    """Raise InputError for what no schema can tell of saliency methods."""
    first = next(iter(configuration["methods"]))
    for model, settings in configuration["models"].items():
        classes = settings.get("classes", configuration["classes"])
        found = methods_of(configuration, model)
        if first not in found:
            raise InputError(
                f"`models.{model}.methods.{first}` is null, but {first}, the first of `methods`, is the one that the "
                "paper's tables and the controls are of: each model has it. Leave it, or put another first."
            )
        for name, options in found.items():
            where = f"models.{model}.methods.{name}" if name in settings.get("methods", {}) else f"methods.{name}"
            if name in configuration["controls"][CHANCE]:
                raise InputError(f"`{where}` is called as a control. Choose another name.")
            target = options["target"]
            if target not in (PREDICTED, DIAGNOSIS) and target not in classes:
                raise InputError(
                    f"`{where}.target` is {target}; it must be {PREDICTED}, {DIAGNOSIS}, or a class of {model}: "
                    f"{', '.join(classes)}."
                )
            if name == first and options["pictures"] != ALL:
                raise InputError(
                    f"`{where}.pictures` is {options['pictures']}, but of {name}, the first of `methods`, all pictures "
                    f"need maps: the paper's tables and the controls are of it. Say `{ALL}`, or put another first."
                )


def _check_names(configuration: Mapping[str, Any]) -> None:
    """Raise InputError for names that are words of dermalign's own: columns of its tables, or rows of them."""
    for key, names, taken in (
        ("features", configuration["features"], (*MANIFEST_COLUMNS, *CLASS_WORDS)),
        ("classes", configuration["classes"], CLASS_WORDS),
        *((f"models.{model}.classes", own["classes"], CLASS_WORDS) for model, own in _with_classes(configuration)),
    ):
        if clash := [name for name in names if name in taken]:
            raise InputError(
                f"`{key}` names {', '.join(clash)}, a word of dermalign's own tables. Choose another name."
            )
        _check_alike(key, names)


def _check_alike(key: str, names: Sequence[str]) -> None:
    """Raise InputError for two names that tables of diagnoses, or paths of masks, do not tell apart."""
    first: dict[str, str] = {}
    for name in names:
        alike = name.casefold() if key == "features" else re.sub("[_-]", " ", name).casefold()
        if (other := first.setdefault(alike, name)) != name:
            raise InputError(
                f"`{key}` has both {other} and {name}: names are compared without case"
                f"{'' if key == 'features' else ', and `_` and `-` are one'}, so that these two are one. Choose "
                "another name for one of them."
            )


def _with_classes(configuration: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(model, settings) for model, settings in configuration["models"].items() if "classes" in settings]


def threshold_names(thresholds: Sequence[float] | Mapping[str, float]) -> list[str]:
    """Return a threshold grid as it is written in file names (`0.300`), ascending.

    thresholds: a list, or {start, stop, step} with both ends included. Computed in decimals, not in binary
    floats, so that no threshold is 0.30000000000000004. Raises InputError for a value outside [0, 1], with more
    than three digits, or given twice, and for a step that misses its stop.
    """
    if isinstance(thresholds, Mapping):
        start, stop, step = (_threshold(thresholds[key]) for key in ("start", "stop", "step"))
        if not step or stop < start or (stop - start) % step:
            raise InputError(
                f"thresholds: steps of {step} from {start} do not arrive at {stop}. Correct start, stop or step."
            )
        values = [start + step * number for number in range(int((stop - start) / step) + 1)]
    else:
        values = [_threshold(value) for value in thresholds]
    names = [f"{value:.3f}" for value in sorted(values)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"thresholds: {', '.join(twice)} stands there twice. Remove one.")
    return names


def _threshold(number: float) -> Decimal:
    value = Decimal(str(number))
    if not value.is_finite() or not 0 <= value <= 1:
        raise InputError(
            f"thresholds: {value} is outside of 0 to 1, where every map lies: nothing (or all) would be white. "
            "Correct the value."
        )
    if value != round(value, 3):
        raise InputError(f"thresholds: {value} has more than three digits after the point. Round it.")
    return abs(value)  # no -0.000
