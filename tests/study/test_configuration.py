"""Configurations: what is filled in, what is refused and in which words, and the studies that come with the project."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dermalign.errors import InputError
from dermalign.results.published import compared_models, read_published
from dermalign.study.configuration import (
    MANIFEST_COLUMNS,
    check_file,
    checked,
    complete_network,
    read_schema,
    threshold_names,
)
from dermalign.study.sources import INDEPENDENT, KINDS, Kind, all_methods, methods_of, square_of_cells
from hypothesis import given
from hypothesis import strategies as st
from snakemake.utils import update_config

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGURATION_TEXT = (REPOSITORY / "config.yaml").read_text(encoding="utf-8")
EMBEDDED = yaml.safe_load(CONFIGURATION_TEXT)
SCHEMA = read_schema()
OVERLAYS = sorted(path.stem for path in (REPOSITORY / "studies").glob("*.yaml"))

Change = Callable[[dict[str, Any]], object]
# What every saliency method is asked by default; and those that ask the network, of a sample.
ASKED = {"batch_size": 32, "target": "predicted", "score": "before_softmax", "pictures": "all"}
OF_SAMPLE = {**ASKED, "pictures": 100}


def with_overlay(name: str) -> dict[str, Any]:
    """Lay an overlay over config.yaml the way Snakemake does it."""
    configuration = copy.deepcopy(EMBEDDED)
    update_config(configuration, yaml.safe_load((REPOSITORY / "studies" / f"{name}.yaml").read_text(encoding="utf-8")))
    return configuration


def changed(**overlay: Any) -> dict[str, Any]:
    configuration = copy.deepcopy(EMBEDDED)
    update_config(configuration, overlay)
    return configuration


# The studies that come with the project


def test_the_embedded_study_says_everything_itself() -> None:
    complete = checked(EMBEDDED)
    assert complete["study"] == "embedded"
    assert complete["models"]["plain"] == EMBEDDED["models"]["plain"]
    assert threshold_names(complete["thresholds"]) == [f"{tenth / 10:.3f}" for tenth in range(11)]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_order_of_keys_is_no_change(name: str) -> None:
    """Snakemake compares params as text; only the order of what the user names, such as models, means something."""

    def turned(value: Any, schema_names_it: bool = True) -> Any:
        if not isinstance(value, dict):
            return value
        of_user = ("models", "methods", "variants", "groups")
        items = [(key, turned(item, key not in of_user)) for key, item in value.items()]
        return dict(reversed(items) if schema_names_it else items)

    configuration = with_overlay(name)
    turned_configuration = turned(configuration)
    assert list(turned_configuration) != list(configuration)
    one, other = checked(configuration), checked(turned_configuration)
    for complete in (one, other):
        complete["archives"].pop("sources", None)  # named by the user, too
        complete["thresholds"] = threshold_names(complete["thresholds"])  # as rules take them
    assert str(one) == str(other)


@pytest.mark.parametrize("name", OVERLAYS)
def test_overlays_are_valid(name: str) -> None:
    complete = checked(with_overlay(name))
    assert complete["study"] == name
    assert "drawn" not in complete["archives"]
    assert not {"plain", "residual"} & set(complete["models"])


def test_the_paper_s_study() -> None:
    assert {"isic256", "nunnari2021"} <= set(OVERLAYS)
    study = checked(with_overlay("nunnari2021"))
    vgg16, resnet50 = study["models"]["vgg16"], study["models"]["resnet50"]
    assert list(study["models"]) == ["vgg16", "resnet50"]
    assert (vgg16["input_size"], vgg16["saliency_layer"]) == (450, "block5_conv3")
    assert (resnet50["input_size"], resnet50["saliency_layer"]) == (227, "conv5_block3_3_conv")
    for model in (vgg16, resnet50):
        assert model["head"] == {"pooling": "flatten", "dense": [2048, 2048], "dropout": 0.5}
        assert (model["training"]["optimizer"], model["training"]["nesterov"]) == ("sgd", True)
        assert model["training"]["learning_rate"] == 1e-5
        assert model["training"]["batchnorm_momentum"] is None
    # Section 3 of the paper stands beside them.
    networks = {name: model["published"] for name, model in study["models"].items()}
    published = read_published(REPOSITORY / study["published"])
    assert list(networks.values()) == published.networks == ["VGG16", "ResNet50"]
    assert compared_models(published.networks, networks) == {"VGG16": "vgg16", "ResNet50": "resnet50"}
    assert study["evaluation_diagnoses"] == ["MEL", "NV"]
    assert len(study["features"]) == 5
    assert len(threshold_names(study["thresholds"])) == 11
    archives = study["archives"]
    named = {archives[key] for key in archives if key.startswith(("training_", "evaluation_", "lesion_masks"))}
    assert {*named, *archives["diagnoses"]} == set(archives["sources"])  # all of it can be fetched


# config.yaml and the schema say the same


def properties(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key that a schema knows; `*` stands for a name that the user chooses."""
    children = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        children["*"] = schema["additionalProperties"]
    for key, child in children.items():
        yield (*path, key)
        kinds = [branch["then"] for branch in child.get("allOf", [])]
        for part in (child, *child.get("oneOf", []), child.get("then", {}), child.get("else", {}), *kinds):
            yield from properties(part, (*path, key))


def stands_in(configuration: Any, path: tuple[str, ...]) -> bool:
    if not path:
        return True
    if not isinstance(configuration, dict):
        return False
    values = configuration.values() if path[0] == "*" else [configuration[path[0]]] if path[0] in configuration else []
    return any(stands_in(value, path[1:]) for value in values)


def test_every_key_of_the_schema_stands_in_config_yaml() -> None:
    comments = "\n".join(re.findall(r"#.*", CONFIGURATION_TEXT))
    unsaid = [path for path in properties(SCHEMA) if path[-1] != "*" and not stands_in(EMBEDDED, path)]
    assert [path for path in unsaid if not re.search(rf"\b{path[-1]}\b", comments)] == []
    assert len(list(properties(SCHEMA))) > 50


def test_every_key_of_the_top_level_is_explained_above() -> None:
    assert set(EMBEDDED) == set(SCHEMA["properties"])
    paragraphs = [paragraph.splitlines() for paragraph in CONFIGURATION_TEXT.split("\n\n")]
    for key in SCHEMA["properties"]:
        (paragraph,) = [lines for lines in paragraphs if any(line.startswith(f"{key}:") for line in lines)]
        assert paragraph[0].startswith("# "), f"config.yaml says nothing about {key}"


def test_choices_of_the_schema_are_named_in_config_yaml() -> None:
    def choices(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from schema.get("enum", [])
            for child in schema.values():
                yield from choices(child)

    assert [name for name in choices(SCHEMA) if not re.search(rf"\b{name}\b", CONFIGURATION_TEXT)] == []


# What is filled in and what is taken away


def test_defaults_are_filled_in() -> None:
    short = {key: value for key, value in EMBEDDED.items() if key in SCHEMA["required"]}
    model = {key: EMBEDDED["models"]["plain"][key] for key in ("architecture", "input_size", "saliency_layer")}
    short["models"] = {"a": {**model, "training": {"epochs": 3}}, "b": {**model, "training": {"epochs": 0}}}
    short["methods"] = {"gradcam": {}}
    complete = checked(short)
    assert complete["leakage"] == "exclude"
    assert complete["split"] == {"validation": 0.1, "test": 0.1}
    assert complete["batches"] == {"saliency": 40, "masks": 40}
    assert complete["threads"] == {"train": 1, "gradcam": 1}
    assert complete["methods"] == {"gradcam": ASKED}
    assert complete["models"]["a"]["head"] == {"pooling": "average", "dense": [], "dropout": 0}
    assert complete["models"]["a"]["weights"] == "none"
    assert complete["models"]["a"]["training"]["epochs"] == 3
    assert complete["models"]["a"]["training"]["batch_size"] == 32
    assert complete["models"]["a"]["training"]["batchnorm_momentum"] == 0.9
    assert complete["models"]["a"]["published"] == {}
    assert complete["weights_folder"] == "data/weights"
    assert "evaluation_limit" not in complete


def test_settings_of_a_network_are_filled_in() -> None:
    complete = checked(changed(**of_network(start_from="plain")))["segmentation"]
    assert complete["networks"]["unet"] == EMBEDDED["segmentation"]["networks"]["unet"]
    mine = complete["networks"]["mine"]
    assert mine == {**complete_network(NETWORK), "start_from": "plain"}
    assert complete_network(NETWORK) == {
        **NETWORK,
        "decoder": "unet",
        "filters": 32,
        "weights": "none",
        "pixels": "unit",
        "training": {
            "epochs": 3,
            "batch_size": 32,
            "optimizer": "adam",
            "learning_rate": 0.001,
            "decay": 0,
            "momentum": 0,
            "nesterov": False,
            "precision": "float32",
            "augmentation": "flips_and_quarter_turns",
            "batchnorm_momentum": 0.9,
            "overlap_loss": "dice",
            "missed": 0.7,
            "class_weights": "square_root",
        },
    }
    with pytest.raises(InputError, match="`decodr`"):
        complete_network({**NETWORK, "decodr": "unet"})
    # Without any there is no upper reference.
    without = checked(changed(segmentation={"networks": {"unet": None}}))["segmentation"]
    assert without == {"folds": 2, "validation": 0.1, "networks": {}}
    assert checked(changed(segmentation=None))["segmentation"] == {"folds": 5, "validation": 0.1, "networks": {}}


def test_nulls_take_keys_away() -> None:
    overlay = changed(
        archives={"drawn": None, "training_metadata": None},
        models={"plain": None, "residual": {"head": None, "training": {"batchnorm_momentum": None, "decay": None}}},
    )
    before = copy.deepcopy(overlay)
    complete = checked(overlay)
    assert overlay == before
    assert not {"drawn", "training_metadata"} & set(complete["archives"])
    assert list(complete["models"]) == ["residual"]
    assert complete["models"]["residual"]["head"]["pooling"] == "average"  # back to the default
    assert complete["models"]["residual"]["training"]["decay"] == 0
    assert complete["models"]["residual"]["training"]["batchnorm_momentum"] is None  # here null is a value


def test_training_pictures_can_be_left_out_where_all_classifiers_are_brought() -> None:
    mine = {"plain": None, "residual": None, "mine": {"classifier": "mine.keras", "pixels": "raw"}}
    none = dict.fromkeys(["drawn", "training_pictures", "training_labels", "training_metadata"])
    assert not set(none) & set(checked(changed(archives=none, models=mine))["archives"])
    with pytest.raises(InputError, match=r"lacks `training_pictures` and `training_labels`, and plain, residual must"):
        checked(changed(archives=none))
    with pytest.raises(
        InputError, match=r"lacks `training_labels`\. .*then set training_pictures and training_metadata to"
    ):
        checked(changed(archives={"drawn": None, "training_labels": None}, models=mine))
    drawn = {key: none[key] for key in none if key != "drawn"}
    with pytest.raises(InputError, match=r"which archives\.drawn draws"):
        checked(changed(archives=drawn, models=mine))


def test_a_brought_classifier_gets_no_defaults_of_trained_ones() -> None:
    mine = {"classifier": "mine.keras", "pixels": "raw", "input_size": None}
    complete = checked(changed(models={"plain": None, "residual": None, "mine": mine}))
    assert complete["models"] == {"mine": {"classifier": "mine.keras", "pixels": "raw"}}
    over = dict.fromkeys(EMBEDDED["models"]["plain"]) | mine  # an overlay over a trained model takes its keys away
    assert checked(changed(models={"plain": over}))["models"]["plain"] == complete["models"]["mine"]
    own = {"classifier": None, "classes": None, **EMBEDDED["models"]["plain"]}
    assert checked(changed(models={"plain": own}))["models"]["plain"] == EMBEDDED["models"]["plain"]


# What is refused


FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown key": ({"treshold": 0.3}, ["`treshold`", "did you mean `thresholds`?"]),
    "unknown key within": (
        {"models": {"plain": {"training": {"epoch": 3}}}},
        ["`models.plain.training.epoch`", "epochs"],
    ),
    "key of an older version": (
        {"models": {"plain": {"training": {"tensorboard": False}}}},
        ["`models.plain.training.tensorboard` is no key of the configuration", "known here are epochs"],
    ),
    "unknown key, nothing near": ({"split": {"zzz": 1}}, ["`split.zzz`", "known here are validation, test"]),
    "unknown key taken away": ({"archives": {"drwan": None}}, ["`archives.drwan`", "did you mean `drawn`?"]),
    "unknown method": ({"methods": {"gradcamm": {}}}, ["`methods.gradcamm`", "did you mean `gradcam`?"]),
    "unknown option of a method": (
        {"methods": {"gradcam": {"batchsize": 8}}},
        ["`methods.gradcam.batchsize`", "did you mean `batch_size`?"],
    ),
    "unknown method of a model": (
        {"models": {"plain": {"methods": {"gradcamm": {}}}}},
        ["`models.plain.methods.gradcamm`", "did you mean `gradcam`?"],
    ),
    "method of an unknown kind": (
        {"methods": {"mine": {"kind": "gradcamm"}}},
        ["`methods.mine.kind`", '"gradcamm"', "one of gradcam, gradcam_plus_plus"],
    ),
    "method of another name without a kind": ({"methods": {"mine": {}}}, ["`methods.mine` lacks `kind`", "Add it"]),
    "method with another's kind": (
        {"methods": {"gradcam": {"kind": "layercam"}}},
        ["`methods.gradcam.kind` is no key of the configuration"],
    ),
    "method named with a dash": ({"methods": {"my-own": {"kind": "layercam"}}}, ["`methods`", "my-own"]),
    "method named as chance": (
        {"methods": {"shuffled": {"kind": "layercam"}}},
        ["`methods.shuffled` is called as a control", "another name"],
    ),
    "method of a model named as chance": (
        {"models": {"plain": {"methods": {"shuffled": {"kind": "layercam"}}}}},
        ["`models.plain.methods.shuffled` is called as a control"],
    ),
    "variant named as a model's method": (
        {"models": {"plain": {"methods": {"rise": {}}}}, "variants": {"rise": {"kind": "tiles", "tiles": 2}}},
        ["variants: rise is the name of a method already"],
    ),
    "option of another method": (
        {"methods": {"gradient": {"layer": "last"}}},
        ["`methods.gradient.layer` is no key of the configuration", "known here are batch_size"],
    ),
    "option of another kind of method": (
        {"models": {"plain": {"methods": {"mine": {"kind": "smoothgrad", "steps": 9}}}}},
        ["`models.plain.methods.mine.steps` is no key", "samples"],
    ),
    "layer that is a number": ({"methods": {"gradcam": {"layer": 5}}}, ["`methods.gradcam.layer` is 5", "a text"]),
    "score that a method has not": (
        {"methods": {"gradcam_plus_plus": {"score": "after_softmax"}}},
        ["`methods.gradcam_plus_plus.score`", '"after_softmax"', "one of before_softmax"],
    ),
    "a sample of one picture": (
        {"methods": {"rise": {"pictures": 1}}},
        ["`methods.rise.pictures` is 1; it must be a whole number of at least 2, or all"],
    ),
    "a sample of some": (
        {"models": {"plain": {"methods": {"rise": {"pictures": "some"}}}}},
        ['`models.plain.methods.rise.pictures` is "some"; it must be a whole number of at least 2, or all'],
    ),
    "a sample of the first method": (
        {"methods": {"gradcam": {"pictures": 9}}},
        ["`methods.gradcam.pictures` is 9, but of gradcam, the first of `methods`, all", "Say `all`"],
    ),
    "a sample of a model's first method": (
        {"models": {"residual": {"methods": {"gradcam": {"pictures": 9}}}}},
        ["`models.residual.methods.gradcam.pictures` is 9, but of gradcam, the first"],
    ),
    "a model without the first method": (
        {"methods": {"gradient": {}}, "models": {"plain": {"methods": {"gradcam": None}}}},
        ["`models.plain.methods.gradcam` is null, but gradcam, the first of `methods`", "each model has it"],
    ),
    "target that is no class": (
        {"methods": {"gradcam": {"target": "MELANOMA"}}},
        ["`methods.gradcam.target` is MELANOMA; it must be predicted, diagnosis, or a class of plain: MEL, NV"],
    ),
    "target that is no class of a brought model": (
        {
            "methods": {"gradcam": {"target": "BCC"}},
            "models": {"mine": {"classifier": "mine.keras", "pixels": "raw", "classes": ["NV", "MEL"]}},
        },
        ["`methods.gradcam.target` is BCC; it must be predicted, diagnosis, or a class of mine: NV, MEL."],
    ),
    "target of a model's own method": (
        {"models": {"plain": {"methods": {"rise": {"target": "naevus"}}}}},
        ["`models.plain.methods.rise.target` is naevus; it must be predicted, diagnosis, or a class of plain"],
    ),
    "option of a method out of range": (
        {"methods": {"gradcam": {"batch_size": 0}}},
        ["`methods.gradcam.batch_size`", "at least 1"],
    ),
    "no method": ({"methods": {"gradcam": None}}, ["`methods`"]),
    "unknown kind of a variant": (
        {"variants": {"mine": {"kind": "tile"}}},
        ["`variants.mine.kind`", '"tile"', "one of study_range, tiles, superpixels"],
    ),
    "kind of another family": ({"variants": {"mine": {"kind": "gradcam"}}}, ["`variants.mine.kind`", '"gradcam"']),
    "variant without a kind": ({"variants": {"mine": {"tiles": 4}}}, ["`variants.mine` lacks `kind`", "Add it"]),
    "variant without a required option": (
        {"variants": {"mine": {"kind": "superpixels", "count": 9}}},
        ["`variants.mine` lacks `cells`", "Add it"],
    ),
    "required option taken away": (
        {"variants": {"mine": {"kind": "tiles", "tiles": None}}},
        ["`variants.mine` lacks `tiles`", "Add it"],
    ),
    "option of another kind": (
        {"variants": {"mine": {"kind": "study_range", "tiles": 4}}},
        ["`variants.mine.tiles` is no key", "upper_percentile"],
    ),
    "misspelt option": (
        {"variants": {"mine": {"kind": "superpixels", "cells": 9, "compactnes": 1}}},
        ["`variants.mine.compactnes`", "did you mean `compactness`?"],
    ),
    "misspelt option taken away": (
        {"variants": {"mine": {"kind": "superpixels", "cells": 9, "compactnes": None}}},
        ["`variants.mine.compactnes`", "did you mean `compactness`?"],
    ),
    "option of a variant out of range": (
        {"variants": {"mine": {"kind": "superpixels", "cells": 999}}},
        ["`variants.mine.cells`", "999", "at most 512"],
    ),
    "variant of nothing": (
        {"variants": {"mine": {"kind": "tiles", "tiles": 2, "of": "gradcamm"}}},
        ["`variants.mine.of`", "gradcamm", "gradcam"],
    ),
    "variant of a variant": (
        {"variants": {"a": {"kind": "tiles", "tiles": 2}, "b": {"kind": "tiles", "tiles": 2, "of": "a"}}},
        ["`variants.b.of`", "a saliency method"],
    ),
    "variant named as a method": (
        {"variants": {"gradcam": {"kind": "tiles", "tiles": 2}}},
        ["variants: gradcam", "another"],
    ),
    "variant named as chance": (
        {"variants": {"shuffled": {"kind": "tiles", "tiles": 2}}},
        ["variants: shuffled", "another"],
    ),
    "variant named with a dash": (
        {"variants": {"of-tiles": {"kind": "tiles", "tiles": 2}}},
        ["`variants`", "of-tiles"],
    ),
    "unknown control": ({"controls": {"prior": ["dice"]}}, ["`controls.prior.0`", '"dice"', "all_white"]),
    "control of another family": ({"controls": {"chance": ["lesion"]}}, ["`controls.chance.0`", "random_cells"]),
    "control twice": ({"controls": {"chance": ["shuffled", "shuffled"]}}, ["`controls.chance`", "shuffled"]),
    "no draws": ({"controls": {"draws": 0}}, ["`controls.draws`", "at least 1"]),
    "chance of earlier versions": ({"chance": {"draws": 2}}, ["`chance`", "no key"]),
    "model named as the controls": (
        {"models": {"controls": {"classifier": "mine.keras", "pixels": "raw"}}},
        ["models: controls", "first name", "another"],
    ),
    "ceilings that end before they start": (
        {"ceilings": {"grids": {"start": 9, "stop": 8}}},
        ["ceilings.grids", "stop"],
    ),
    "ceilings of no cells": ({"ceilings": {"grids": {"start": 0}}}, ["`ceilings.grids.start`", "at least 1"]),
    "sanity check of less than nothing": ({"sanity": {"pictures": -1}}, ["`sanity.pictures`", "at least 0"]),
    "sanity check without a stage": ({"sanity": {"stages": 0}}, ["`sanity.stages`", "at least 1"]),
    "model named as ceilings": (
        {"models": {"ceiling": EMBEDDED["models"]["plain"]}},
        ["models: ceiling", "another"],
    ),
    "missing key": ({"study": None}, ["the top level", "lacks `study`", "Add it"]),
    "missing training": ({"models": {"plain": {"training": None}}}, ["`models.plain` lacks `training`"]),
    "no models": ({"models": {"plain": None, "residual": None}}, ["`models`"]),
    "brought and trained": (
        {"models": {"plain": {"classifier": "mine.keras"}}},
        ["`models.plain`", "`classifier`", "`architecture`", "`training`", "null"],
    ),
    "brought, pixels not told": (
        {"models": {"mine": {"classifier": "mine.keras"}}},
        ["`models.mine` lacks `pixels`", "Add it"],
    ),
    "brought, pixels of a trained one": (
        {"models": {"mine": {"classifier": "mine.keras", "pixels": "native"}}},
        ["`models.mine.pixels`", "one of raw, unit, symmetric, caffe, torch"],
    ),
    "brought, key misspelt": (
        {"models": {"mine": {"classifier": "mine.keras", "pixels": "raw", "saliency_leyer": "a"}}},
        ["`models.mine.saliency_leyer`", "did you mean `saliency_layer`?"],
    ),
    "trained, with the classes of a brought one": (
        {"models": {"plain": {"classes": ["MEL", "NV"]}}},
        ["`models.plain` has `classes`", "`classifier`"],
    ),
    "brought, an evaluation diagnosis unknown": (
        {"models": {"mine": {"classifier": "mine.keras", "pixels": "raw", "classes": ["MEL", "BCC"]}}},
        ["`models.mine.classes` lacks NV"],
    ),
    "choice": ({"leakage": "maybe"}, ["`leakage`", '"maybe"', "one of exclude, exclude_content, allow"]),
    "text for a number": ({"seed": "one"}, ["`seed`", '"one"', "a whole number"]),
    "fraction for a whole number": ({"batches": {"masks": 1.5}}, ["`batches.masks`", "1.5", "a whole number"]),
    "text for a list": ({"features": "globules"}, ["`features`", "a list"]),
    "text for keys": ({"split": "half"}, ["`split`", "keys with values"]),
    "number that YAML reads as a text": (
        {"models": {"plain": {"training": {"learning_rate": "1e-5"}}}},
        ["`models.plain.training.learning_rate`", "must be a number", "write 0.00001"],
    ),
    "too small": ({"models": {"plain": {"input_size": 8}}}, ["`models.plain.input_size`", "8", "at least 16"]),
    "too large": ({"split": {"test": 0.9}}, ["`split.test`", "0.9", "at most 0.5"]),
    "not greater": ({"split": {"test": 0}}, ["`split.test`", "greater than 0"]),
    "not less": ({"models": {"plain": {"head": {"dropout": 1}}}}, ["`models.plain.head.dropout`", "less than 1"]),
    "feature named union": ({"features": ["globules", "union"]}, ["`features.1`", '"union"']),
    "feature twice": ({"features": ["globules", "globules"]}, ["`features`", "globules"]),
    "study that is a path": ({"study": "../elsewhere"}, ["`study`", "../elsewhere"]),
    "model named with a dash": ({"models": {"vgg-16": EMBEDDED["models"]["plain"]}}, ["`models`", "vgg-16"]),
    "model named with a number": ({"models": {16: EMBEDDED["models"]["plain"]}}, ["`models`", "16", "a text"]),
    "checksum": (
        {"archives": {"sources": {"a.zip": {"url": "https://a/a.zip", "sha256": "abc"}}}},
        ["`archives.sources.a.zip.sha256`", "abc"],
    ),
    "diagnosis that is no class": (
        {"evaluation_diagnoses": ["MEL", "NEVUS"]},
        ["evaluation_diagnoses", "NEVUS", "classes"],
    ),
    "groups that overlap": (
        {"groups": {"a": {"diagnoses": ["MEL"]}, "b": {"predicted": ["NV"]}}},
        ["groups: a picture of MEL that is predicted as NV is in a and in b", "no picture may be in two"],
    ),
    "group that is empty": (
        {"groups": {"a": {"diagnoses": ["MEL"], "predicted": ["NV"], "correct": True}, "b": {"diagnoses": ["NV"]}}},
        ["groups.a", "no picture can be in it"],
    ),
    "group of what is not evaluated": (
        {"groups": {"a": {"diagnoses": ["BCC"]}, "b": {"diagnoses": ["NV"]}}},
        ["groups.a.diagnoses names BCC", "evaluation_diagnoses"],
    ),
    "group of an unknown class": (
        {"groups": {"a": {"predicted": ["NEVUS"]}, "b": {"diagnoses": ["NV"]}}},
        ["groups.a.predicted names NEVUS", "classes"],
    ),
    "a single group": ({"groups": {"a": {"correct": True}}}, ["`groups`"]),
    "group named all": ({"groups": {"all": {"correct": True}, "b": {"correct": False}}}, ["`groups`", '"all"']),
    "unknown key of a group": (
        {"groups": {"a": {"diagnosis": ["MEL"]}, "b": {"correct": False}}},
        ["`groups.a.diagnosis`", "did you mean `diagnoses`?"],
    ),
    "mask pattern": ({"archives": {"drawn": None, "mask_pattern": "{image}.png"}}, ["mask_pattern", "{feature}"]),
    "mask pattern of drawn archives": (
        {"archives": {"mask_pattern": "{feature}/{image}.png"}},
        ["mask_pattern", "drawn"],
    ),
    "nothing to train on": ({"split": {"validation": 0.5, "test": 0.5}}, ["split.validation", "split.test", "below 1"]),
    "published value of no metric": (
        {"models": {"plain": {"published": {"sensitivty.MEL": 0.5}}}},
        ["`models.plain.published.sensitivty.MEL`", "did you mean `sensitivity.MEL`?"],
    ),
    "published value of no class": (
        {"models": {"plain": {"published": {"sensitivity.all": 0.5}}}},
        ["`models.plain.published.sensitivity.all`"],
    ),
    "published value in percent": (
        {"models": {"plain": {"published": {"accuracy": 72.2}}}},
        ["`models.plain.published.accuracy`", "at most 1"],
    ),
    "published network without a file": (
        {"published": None, "models": {"plain": {"published": "VGG16"}}},
        ["`models.plain.published` names VGG16", "Name the file under `published`"],
    ),
    "published values as a list": (
        {"models": {"plain": {"published": [0.5]}}},
        ["`models.plain.published` is [0.5]", "keys with values or a text"],
    ),
    "thresholds without a step": ({"thresholds": {"step": None}}, ["`thresholds`", "start, stop and step"]),
    "threshold above 1": ({"thresholds": [0.5, 1.2]}, ["thresholds", "1.2", "outside of 0 to 1", "Correct"]),
}


# Segmentation networks

NETWORK = {"architecture": "plain_stack", "input_size": 64, "cells": 32, "training": {"epochs": 3}}


def of_network(name: str = "mine", **changes: Any) -> dict[str, Any]:
    """Return an overlay with one more segmentation network."""
    return {"segmentation": {"networks": {name: {**NETWORK, **changes}}}}


FAULTS |= {
    "network with a misspelt key": (
        of_network(decodr="unet"),
        ["`segmentation.networks.mine.decodr`", "did you mean `decoder`?"],
    ),
    "unknown decoder": (
        of_network(decoder="fpn"),
        ["`segmentation.networks.mine.decoder`", '"fpn"', "one of unet, pyramid_pooling"],
    ),
    "unknown loss of overlap": (
        of_network(training={"epochs": 3, "overlap_loss": "jaccard"}),
        ["`segmentation.networks.mine.training.overlap_loss`", "one of dice, tversky, none"],
    ),
    "missed above 1": (
        of_network(training={"epochs": 3, "missed": 1.5}),
        ["`segmentation.networks.mine.training.missed`", "at most 1"],
    ),
    "loss of a classifier for a network": (
        of_network(training={"epochs": 3, "loss": "focal"}),
        ["`segmentation.networks.mine.training.loss`"],
    ),
    "loss of a network for a classifier": (
        {"models": {"plain": {"training": {"overlap_loss": "dice"}}}},
        ["`models.plain.training.overlap_loss`"],
    ),
    "network without cells": (of_network(cells=None), ["`segmentation.networks.mine` lacks `cells`", "Add it"]),
    "network named with a dash": (of_network("u-net"), ["`segmentation.networks`", "u-net"]),
    "one fold": ({"segmentation": {"folds": 1}}, ["`segmentation.folds`", "at least 2"]),
    "nothing that chooses an epoch": ({"segmentation": {"validation": 0}}, ["`segmentation.validation`", "greater"]),
    "network named as a model": (
        of_network("plain"),
        ["segmentation.networks: plain is the name of a model", "another first name"],
    ),
    "network named as the controls": (
        of_network("controls"),
        ["segmentation.networks: controls is the first name of the controls", "another"],
    ),
    "network named as readers": (
        of_network("reader"),
        ["segmentation.networks: reader is the first name of readers", "another"],
    ),
    "network named as ceilings": (of_network("ceiling"), ["segmentation.networks: ceiling", "another"]),
    "network that starts from no model": (
        of_network(start_from="none_such"),
        ["`segmentation.networks.mine.start_from` is none_such", "architecture, plain_stack: plain."],
    ),
    "network that starts from another architecture": (
        of_network(start_from="residual"),
        ["`segmentation.networks.mine.start_from` is residual", "architecture, plain_stack: plain."],
    ),
    "network of an architecture that no model has": (
        of_network(architecture="VGG16", start_from="plain"),
        ["`segmentation.networks.mine.start_from` is plain", "VGG16: there is none."],
    ),
    "network that starts from a brought model": (
        {"models": {"own": {"classifier": "mine.keras", "pixels": "raw"}}, **of_network(start_from="own")},
        ["`segmentation.networks.mine.start_from` is own", "trained here"],
    ),
    "network with two starts": (
        of_network(start_from="plain", weights="a.weights.h5"),
        ["`segmentation.networks.mine` has both `weights` and `start_from`, plain", "Set weights to none"],
    ),
}


FAULTS |= {
    f"feature named {name}": ({"features": ["globules", name]}, [f"`features` names {name}, a word", "another name"])
    for name in ("all", *MANIFEST_COLUMNS)
    if name != "union"  # the schema says it
}
FAULTS |= {
    "class named all": ({"classes": ["MEL", "NV", "all"]}, ["`classes` names all, a word", "another name"]),
    "class of a brought one named all": (
        {"models": {"mine": {"classifier": "mine.keras", "pixels": "raw", "classes": ["MEL", "NV", "all"]}}},
        ["`models.mine.classes` names all", "another name"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_in_words(fault: str) -> None:
    overlay, words = FAULTS[fault]
    with pytest.raises(InputError) as stopped:
        checked(changed(**overlay))
    for word in words:
        assert word in str(stopped.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", ["`a` stands there twice, in line 1 and in line 3"]),
        ("a: {b: 1, b: 1}\n", ["`a.b` stands there twice, in line 1 and in line 1"]),
        ("models:\n  - {x: 1}\n  - {x: 1, y: 2, x: 3}\n", ["`models.1.x` stands there twice"]),
        ('{"a": 1, "c": {"d": 1, "d": 2}, "a": 2}', ["`c.d` stands there twice", "`a` stands there twice"]),
        ("a: 1\nb: {a: 1}\n", []),
        ("a: &one {x: 1}\nb:\n  <<: *one\n  <<: *one\n", []),
        ("a: &one [*one]\n", []),
        ("a: 1\n\tb: 2\n", []),  # Snakemake has told it before
        ("", []),
    ],
)
def test_a_key_that_stands_twice_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(text, encoding="utf-8")
    if not words:
        check_file(path)
        return
    with pytest.raises(InputError) as stopped:
        check_file(path)
    assert len(stopped.value.sentences) == len(words)
    for sentence, word in zip(stopped.value.sentences, words, strict=True):
        assert word in sentence and str(path) in sentence and "Take one away" in sentence


@pytest.mark.parametrize("path", [REPOSITORY / "config.yaml", *(REPOSITORY / "studies").glob("*.yaml")])
def test_no_key_of_ours_stands_twice(path: Path) -> None:
    check_file(path)


def test_all_faults_are_told_at_once_and_each_once() -> None:
    configuration = changed(leakage="maybe", treshold=0.3)
    del configuration["seed"], configuration["features"]
    with pytest.raises(InputError) as stopped:
        checked(configuration)
    _, *sentences = str(stopped.value).splitlines()
    assert len(sentences) == len(set(sentences)) == 3
    assert any("`features`, `seed`" in sentence for sentence in sentences)


# Saliency methods


def test_options_of_methods_are_filled_in_by_kind() -> None:
    methods: dict[str, Any] = {
        "gradcam": {"layer": "early"},
        "rise": {"masks": 500},
        "second": {"kind": "integrated_gradients", "baseline": "gray", "target": "diagnosis"},
    }
    own = {"smoothgrad": {}, "finer": {"kind": "scorecam", "layer": "early", "pictures": "all"}}
    complete = checked(changed(methods=methods, models={"plain": {"methods": own}}))
    assert complete["methods"] == {
        "gradcam": {"layer": "early", **ASKED},
        "rise": {**OF_SAMPLE, "masks": 500, "cells": 7, "kept": 0.5, "standard_error": 0, "score": "after_softmax"},
        "second": {
            **OF_SAMPLE,
            "kind": "integrated_gradients",
            "steps": 50,
            "baseline": "gray",
            "negative": "drop",
            "target": "diagnosis",
        },
    }
    assert complete["models"]["plain"]["methods"] == {
        "smoothgrad": {**OF_SAMPLE, "samples": 50, "noise": 0.15},
        "finer": {**ASKED, "kind": "scorecam", "layer": "early"},
    }
    assert "methods" not in complete["models"]["residual"]


def test_a_model_s_own_method_replaces_the_study_s_as_a_whole() -> None:
    """With defaults of its own; a null takes one away, of a model that is trained and of one that is brought."""
    methods = {"gradcam": {"batch_size": 4, "layer": "early"}, "gradient": {"batch_size": 2}, "rise": {"masks": 9}}
    models = {
        "plain": {"methods": {"gradcam": {"score": "after_softmax"}, "rise": None}},
        "mine": {"classifier": "mine.keras", "pixels": "raw", "methods": {"gradient": None, "layercam": {}}},
    }
    complete = checked(changed(methods=methods, models=models))
    plain, residual, mine = (methods_of(complete, model) for model in ("plain", "residual", "mine"))
    assert plain == {
        "gradcam": {"kind": "gradcam", **ASKED, "score": "after_softmax"},
        "gradient": {"kind": "gradient", **ASKED, "batch_size": 2},
    }
    assert list(residual) == ["gradcam", "gradient", "rise"]
    assert residual["gradcam"] == {"kind": "gradcam", **ASKED, "batch_size": 4, "layer": "early"}
    assert list(mine) == ["gradcam", "rise", "layercam"]
    assert mine["layercam"] == {"kind": "layercam", **ASKED}
    assert all_methods(complete) == ["gradcam", "gradient", "rise", "layercam"]


def test_methods_stand_in_the_order_that_the_study_has() -> None:
    """Which is the first decides what the paper's tables and the controls are of; the order of options is no change."""
    entries: dict[str, Any] = {"rise": {"pictures": "all", "masks": 9}, "mine": {"kind": "hirescam"}, "gradcam": {}}
    for names in (["rise", "mine", "gradcam"], ["gradcam", "rise", "mine"], ["mine", "gradcam", "rise"]):
        configuration = {**EMBEDDED, "methods": {name: entries[name] for name in names}}
        assert list(checked(configuration)["methods"]) == names
        assert all_methods(checked(configuration)) == names
    # So that a sample may be had of Grad-CAM, where another method is the first.
    sampled = {"gradient": {}, "gradcam": {"pictures": 5}}
    assert list(checked({**EMBEDDED, "methods": sampled})["methods"]) == ["gradient", "gradcam"]
    turned = {"rise": {"masks": 9, "pictures": "all"}, "mine": {"kind": "hirescam"}, "gradcam": {}}
    assert str(checked({**EMBEDDED, "methods": turned})) == str(checked({**EMBEDDED, "methods": entries}))


def test_a_target_is_the_prediction_the_diagnosis_or_a_class_of_all_models_that_have_the_method() -> None:
    mine = {"classifier": "mine.keras", "pixels": "raw", "classes": ["NV", "MEL"]}
    for target in ("predicted", "diagnosis", "MEL"):
        complete = checked(changed(methods={"gradcam": {"target": target}}, models={"mine": mine}))
        assert complete["methods"]["gradcam"]["target"] == target
    own = {"mine": {**mine, "methods": {"gradcam": {"target": "NV"}}}}
    complete = checked(changed(methods={"gradcam": {"target": "BKL"}}, models=own))
    assert {model: methods_of(complete, model)["gradcam"]["target"] for model in complete["models"]} == {
        "plain": "BKL",
        "residual": "BKL",
        "mine": "NV",
    }


def test_a_variant_is_of_a_method_that_some_model_has() -> None:
    variants = {"tiled": {"kind": "tiles", "tiles": 2, "of": "finer"}}
    own = {"plain": {"methods": {"finer": {"kind": "layercam", "layer": "early"}}}}
    assert checked(changed(variants=variants, models=own))["variants"]["tiled"]["of"] == "finer"
    with pytest.raises(InputError, match=r"`variants\.tiled\.of` is finer; it must be a saliency method: gradcam\."):
        checked(changed(variants=variants))


# Map sources


def test_options_of_sources_are_filled_in_by_kind() -> None:
    variants = {
        "a": {"kind": "superpixels", "cells": 48},
        "b": {"kind": "tiles", "tiles": 3, "of": None},
        "c": {"kind": "study_range", "upper_percentile": None},
    }
    complete = checked(changed(variants=variants, controls=None))
    assert complete["variants"] == {
        "a": {"kind": "superpixels", "of": "gradcam", "count": 100, "cells": 48, "compactness": 10.0},
        "b": {"kind": "tiles", "of": "gradcam", "tiles": 3},
        "c": {"kind": "study_range", "of": "gradcam", "upper_percentile": 100},
    }
    assert complete["controls"] == {
        "chance": ["random_cells", "shuffled"],
        "prior": ["all_white", "center_gaussian", "mean_mask"],
        "anatomy": ["lesion", "lesion_depth"],
        "draws": 5,
        "cells": 72,
    }
    # An overlay may make another kind of a variant, and takes away what that does not know.
    over = {"kind": "tiles", "tiles": 2, "cells": None, "compactness": None}
    assert checked(changed(variants={"a": {**variants["a"], **over}}))["variants"]["a"] == {
        "kind": "tiles",
        "of": "gradcam",
        "tiles": 2,
    }


def test_the_order_of_options_is_no_change() -> None:
    options = {"compactness": 1, "cells": 9, "kind": "superpixels"}
    one = checked(changed(variants={"a": options}))
    other = checked(changed(variants={"a": dict(reversed(options.items()))}))
    assert str(one) == str(other)


@pytest.fixture
def disc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of source that belongs to no model."""
    cells = {"type": "integer", "minimum": 1}
    options = {"cells": cells, "radius": {"type": "number", "default": 0.5}}
    monkeypatch.setitem(
        KINDS, "disc", Kind(INDEPENDENT, "saliency.tiles:tiles", (), options, ("cells",), square_of_cells)
    )


@pytest.mark.usefixtures("disc")
def test_sources_of_no_model_have_first_names_of_their_own() -> None:
    sources = {"expert": {"anna": {"kind": "disc", "cells": 9}, "ben": {"kind": "disc", "cells": 8, "radius": 1}}}
    assert checked(changed())["sources"] == {}
    assert checked(changed(sources=sources))["sources"] == {
        "expert": {
            "anna": {"kind": "disc", "cells": 9, "radius": 0.5},
            "ben": {"kind": "disc", "cells": 8, "radius": 1},
        }
    }
    for wrong, words in (
        ({"plain": sources["expert"]}, "sources: plain is the name of a model.*another first name"),
        ({"expert": {}}, "`sources.expert`"),
        ({"expert": {"anna": {"kind": "disk"}}}, r'`sources\.expert\.anna\.kind` is "disk"; it must be one of disc'),
        ({"expert": {"anna": {"kind": "disc"}}}, r"`sources\.expert\.anna` lacks `cells`\. Add it"),
        ({"expert": {"anna": {"kind": "disc", "cells": 9, "radios": 1}}}, "did you mean `radius`"),
        ({"expert": {"a b": {"kind": "disc", "cells": 9}}}, "`sources.expert`.*a b"),
        (
            {"ceiling": {"28x28": {"kind": "disc", "cells": 9}}},
            r"`sources\.ceiling\.28x28` is called as dermalign calls",
        ),
    ):
        with pytest.raises(InputError, match=words):
            checked(changed(sources=wrong))


@pytest.mark.usefixtures("disc")
def test_a_source_is_not_called_as_a_network() -> None:
    sources = {"unet": {"anna": {"kind": "disc", "cells": 9}}}
    with pytest.raises(InputError, match=r"sources: unet is the name of a segmentation network.*another first name"):
        checked(changed(sources=sources))


def test_without_such_a_kind_there_is_no_such_key() -> None:
    if not any(kind.family == INDEPENDENT for kind in KINDS.values()):
        with pytest.raises(InputError, match="`sources` is no key of the configuration"):
            checked(changed(sources={"reader": {"anna": {"kind": "disc"}}}))


# Thresholds


@pytest.mark.parametrize(("step", "per_unit"), [(0.1, 10), (0.05, 20), (0.001, 1000), (1, 1), (0.25, 4)])
def test_grids_hold_exactly_what_they_say(step: float, per_unit: int) -> None:
    names = threshold_names({"start": 0, "stop": 1, "step": step})
    assert names == [f"{1000 // per_unit * number / 1000:.3f}" for number in range(per_unit + 1)]
    assert names[-1] == "1.000"


@given(st.integers(0, 1000), st.integers(1, 300), st.integers(0, 40))
def test_no_grid_gains_or_loses_a_threshold_to_floats(start: int, step: int, count: int) -> None:
    thousandths = [start + step * number for number in range(count + 1) if start + step * number <= 1000]
    grid = {"start": thousandths[0] / 1000, "stop": thousandths[-1] / 1000, "step": step / 1000}
    names = [f"{number // 1000}.{number % 1000:03d}" for number in thousandths]
    assert threshold_names(grid) == names
    assert threshold_names([number / 1000 for number in reversed(thousandths)]) == names


def test_a_list_is_put_in_order() -> None:
    assert threshold_names([1, 0.5, 0, 0.125]) == ["0.000", "0.125", "0.500", "1.000"]
    assert threshold_names([-0.0]) == ["0.000"]


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ([0.5, 1.2], ["1.2", "outside of 0 to 1"]),
        ([-0.1], ["-0.1", "outside of 0 to 1"]),
        ([float("nan")], ["NaN", "outside of 0 to 1"]),
        ([float("inf")], ["Infinity", "outside of 0 to 1"]),
        ([0.1 + 0.2], ["0.30000000000000004", "more than three digits", "Round"]),
        ([0.0005], ["0.0005", "more than three digits"]),
        ([0.1, 0.2, 0.10], ["0.100", "twice", "Remove"]),
        ([0, -0.0], ["0.000", "twice"]),
        ({"start": 0, "stop": 1, "step": 0.3}, ["0.3", "do not arrive at 1", "Correct"]),
        ({"start": 1, "stop": 0, "step": 0.1}, ["do not arrive at 0"]),
        ({"start": 0, "stop": 1, "step": 0}, ["do not arrive at 1"]),
        ({"start": 0, "stop": 1.5, "step": 0.5}, ["1.5", "outside of 0 to 1"]),
        ({"start": 0, "stop": 1, "step": 0.0005}, ["0.0005", "more than three digits"]),
        ({"start": 0, "stop": 1, "step": 1e-30}, ["more than three digits"]),
        ({"start": float("nan"), "stop": 1, "step": 0.1}, ["NaN"]),
    ],
)
def test_thresholds_that_cannot_be(thresholds: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as stopped:
        threshold_names(thresholds)
    for word in ("thresholds", *words):
        assert word in str(stopped.value)


def test_feedback_is_of_readers_by_name() -> None:
    given = {"anna": "a.zip", "Ben_2": ["b.zip", "c.json"]}
    assert checked(changed())["feedback"] == {}
    assert checked(changed(feedback=given))["feedback"] == given
    for wrong, words in (
        ({"a b": "a.zip"}, r"`feedback`.*a b"),
        ({"anna": []}, r"`feedback\.anna`"),
        ({"anna": 3}, r"`feedback\.anna` is 3; it must be a text or a list"),
        ({"anna": ["a.zip", "a.zip"]}, r"`feedback\.anna`"),
    ):
        with pytest.raises(InputError, match=words):
            checked(changed(feedback=wrong))
    model = checked(changed())["models"]["plain"]
    with pytest.raises(InputError, match=r"models: reader is the first name of readers\. Choose another"):
        checked(changed(models={"reader": model}))
