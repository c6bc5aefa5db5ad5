"""The study's map sources: which there are, in which order, on which grids, and what each is given."""

import dataclasses
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from dermalign.errors import InputError
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.study_sources import MapSources
from dermalign.study.batches import name_hash
from dermalign.study.sources import (
    ANATOMY,
    CEILING,
    CHANCE,
    CLASSIFIER,
    INDEPENDENT,
    KINDS,
    MAPS,
    MASKS,
    NETWORKS,
    PICTURES,
    PRIOR,
    READER,
    SEGMENTATION,
    Kind,
    square_of_cells,
)
from dermalign.study.study import Study

GRIDS = {"fine": (28, 28), "coarse": (8, 7)}
SIZES = {"fine": 450, "coarse": 227}
EARLY = (56, 57)  # the grid of the layer `early`, which methods may name
# What every saliency method is asked by default; and those that ask the network, of a sample of five.
ASKED = {"batch_size": 32, "target": "predicted", "score": "before_softmax", "pictures": "all"}
OF_SAMPLE = {**ASKED, "pictures": 5}
BATCHES = {f"0000{batch}": [f"ISIC_{number:02d}" for number in range(batch, 30, 3)] for batch in range(3)}


def layer(model: str, name: str | None = None) -> dict[str, Any]:
    """What planning knows of a model's saliency layer, or of one that a method names."""
    grid, channels = (GRIDS[model], 512) if name in (None, "last") else (EARLY, 64)
    return {"name": name or "last", "path": f"{model}/{name or 'last'}", "grid": list(grid), "channels": channels}


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Callable[..., MapSources]:
    """A function that returns the sources of a study of two models; beside the registry's kinds there is one more."""
    drawn_disc = Kind(
        INDEPENDENT, "saliency.tiles:tiles", (MASKS,), {"cells": {}}, ("cells",), square_of_cells, draws=True
    )
    monkeypatch.setitem(KINDS, "disc", drawn_disc)

    def of(readers: Sequence[str] = (), **changes: Any) -> MapSources:
        configuration = {
            "features": ["streaks"],
            "seed": 7,
            "models": {model: {} for model in GRIDS},
            "methods": {"gradcam": ASKED},
            "variants": {
                "of_tiles": {"kind": "tiles", "of": "gradcam", "tiles": 4},
                "whole": {"kind": "superpixels", "of": "gradcam", "cells": 48, "count": 9, "compactness": 10},
            },
            "controls": {
                "chance": ["random_cells", "shuffled"],
                "prior": ["all_white", "mean_mask"],
                "anatomy": ["lesion"],
                "draws": 3,
                "cells": 9,
            },
            "archives": {"lesion_pattern": "{image}.png"},
            **changes,
        }
        classifiers: Any = SimpleNamespace(
            models=GRIDS,
            input_size=SIZES.__getitem__,
            classes=lambda model: ["MEL", "NV", model],
            logits={"fine": None, "coarse": "scores"}.__getitem__,
            layer=layer,
        )
        return MapSources(Study(configuration), classifiers, pictures=BATCHES, readers=readers)

    return of


def test_sources_stand_in_the_order_of_the_configuration(sources: Callable[..., MapSources]) -> None:
    found = sources(
        sources={"ceiling": {"small": {"kind": "disc", "cells": 8}, "large": {"kind": "disc", "cells": 99}}}
    )
    of_model = ["gradcam", "of_tiles", "whole", "random_cells", "shuffled"]
    assert [source.path for source in found] == [
        *(f"{model}/{method}" for model in GRIDS for method in of_model),
        *(f"controls/{name}" for name in ("all_white", "mean_mask", "lesion")),
        "ceiling/small",
        "ceiling/large",
    ]
    assert found.owners == ["fine", "coarse", "controls", "ceiling"]
    assert found.methods() == [*of_model, "all_white", "mean_mask", "lesion", "small", "large"]
    assert found.methods(INDEPENDENT) == ["small", "large"]
    assert found.saliency_methods == ["gradcam", "of_tiles", "whole"]
    assert found.controls == {
        "random_cells": CHANCE,
        "shuffled": CHANCE,
        "all_white": PRIOR,
        "mean_mask": PRIOR,
        "lesion": ANATOMY,
    }
    assert [source.path for source in found.controls_of("coarse")] == [
        "coarse/random_cells",
        "coarse/shuffled",
        "controls/all_white",
        "controls/mean_mask",
        "controls/lesion",
    ]
    assert [source.method for source in found.of_owner("ceiling")] == ["small", "large"]


def test_each_source_has_its_kind_its_options_and_what_it_is_made_of(sources: Callable[..., MapSources]) -> None:
    by_path = {source.path: source for source in sources(sources={"ceiling": {"small": {"kind": "disc", "cells": 8}}})}
    gradcam = by_path["coarse/gradcam"]
    assert (gradcam.kind, dict(gradcam.options), gradcam.of) == (KINDS["gradcam"], ASKED, None)
    tiles = by_path["coarse/of_tiles"]
    assert (tiles.kind, dict(tiles.options), tiles.of) == (KINDS["tiles"], {"tiles": 4}, gradcam)
    shuffled = by_path["coarse/shuffled"]
    assert (shuffled.kind, dict(shuffled.options), shuffled.of) == (KINDS["shuffled"], {"draws": 3}, gradcam)
    assert dict(by_path["controls/all_white"].options) == {}
    assert dict(by_path["controls/lesion"].options) == {"cells": 9}
    small = by_path["ceiling/small"]
    assert (small.kind, dict(small.options), small.of) == (KINDS["disc"], {"cells": 8}, None)
    assert gradcam.needs(CLASSIFIER) and gradcam.needs(PICTURES) and not gradcam.needs(MAPS)
    assert tiles.needs(MAPS) and not tiles.needs(CLASSIFIER)


def test_chance_is_made_of_the_first_method(sources: Callable[..., MapSources]) -> None:
    variants = {"other": {"kind": "study_range", "of": "gradient"}}
    found = sources(methods={"gradcam": ASKED, "gradient": ASKED}, variants=variants)
    made_of = {source.path: source.of.path for source in found if source.of}
    assert made_of["fine/random_cells"] == made_of["fine/shuffled"] == "fine/gradcam"
    assert made_of["fine/other"] == "fine/gradient"
    assert found.saliency_methods == ["gradcam", "gradient", "other"]
    turned = sources(methods={"gradient": ASKED, "gradcam": ASKED}, variants={})
    made_of = {source.path: source.of.path for source in turned if source.of}
    assert made_of["fine/random_cells"] == made_of["fine/shuffled"] == "fine/gradient"


def test_grids_follow_from_what_a_source_is_made_of(sources: Callable[..., MapSources]) -> None:
    found = sources(sources={"ceiling": {"small": {"kind": "disc", "cells": 8}}})
    grids = {source.path: found.grid(source) for source in found}
    for model, grid in GRIDS.items():
        for method in ("gradcam", "of_tiles", "random_cells", "shuffled"):
            assert grids[f"{model}/{method}"] == grid
        assert grids[f"{model}/whole"] == (48, 48)
    assert grids["ceiling/small"] == (8, 8)
    assert (grids["controls/all_white"], grids["controls/mean_mask"]) == ((1, 1), (9, 9))
    assert found.grids == [(1, 1), (8, 7), (8, 8), (9, 9), (28, 28), (48, 48)]
    none = {"chance": [], "prior": [], "anatomy": [], "draws": 1, "cells": 9}
    assert sources(variants={}, controls=none).grids == [(8, 7), (28, 28)]


def test_each_grid_of_the_first_methods_has_its_ceiling(sources: Callable[..., MapSources]) -> None:
    squares = {"start": 4, "stop": 9, "step": 5}
    found = sources(ceilings={"grids": squares, "maps": True})
    assert [source.path for source in found][-2:] == ["ceiling/8x7", "ceiling/28x28"]
    for source in found.of_owner("ceiling"):
        assert source.needs(MASKS) and source.of is None and found.predicting(source.model) is None
        rows, columns = found.grid(source)
        assert source.method == f"{rows}x{columns}"
        assert found.inputs(source) == {"grid": (rows, columns), "features": ["streaks", "union"]}
    # That of the variant's 48 x 48 cells is computed, and no source.
    assert found.ceiling_grids == [(4, 4), (8, 7), (9, 9), (28, 28), (48, 48)]
    assert found.grids == sources().grids
    # Ceilings are neither methods of a classifier nor controls.
    assert found.saliency_methods == sources().saliency_methods
    assert found.controls == sources().controls
    without = sources(ceilings={"grids": squares, "maps": False})
    assert [source.path for source in without] == [source.path for source in sources()]
    assert without.ceiling_grids == found.ceiling_grids


def test_predictions_belong_to_a_model(sources: Callable[..., MapSources]) -> None:
    found = sources(sources={"ceiling": {"small": {"kind": "disc", "cells": 8}}})
    predicting = found.predicting("coarse")
    assert predicting is not None and predicting.path == "coarse/gradcam"
    assert found.predicting("ceiling") is None


def test_inputs_are_what_a_kind_depends_on(sources: Callable[..., MapSources]) -> None:
    """So that neither another seed nor one more feature makes maps again that know nothing of it."""
    found = sources(sources={"ceiling": {"small": {"kind": "disc", "cells": 8}}})
    inputs = {source.path: found.inputs(source) for source in found}
    assert inputs["fine/gradcam"] == {"grid": (28, 28)}
    assert inputs["coarse/of_tiles"] == {"grid": (8, 7)}
    assert inputs["coarse/shuffled"] == {"grid": (8, 7), "seed": 7}
    assert inputs["controls/mean_mask"] == {"grid": (9, 9), "features": ["streaks", "union"]}
    assert inputs["controls/lesion"] == {"grid": (9, 9), "lesion_pattern": "{image}.png"}
    assert inputs["ceiling/small"] == {"features": ["streaks", "union"], "grid": (8, 8), "seed": 7}
    for source in found:  # and are enough, with the pictures' names, to call its function
        assert Inputs(images=["a"], **inputs[source.path]).grid == found.grid(source)


def test_sources_that_need_more_pictures_than_there_are(sources: Callable[..., MapSources]) -> None:
    sources().check_pictures(2)
    match = r"`mean_mask` needs at least 2 pictures, `shuffled` needs at least 2 pictures, and 1 of the evaluation pict"
    with pytest.raises(InputError, match=match):
        sources().check_pictures(1)
    few = {"chance": [], "prior": ["all_white"], "anatomy": [], "draws": 1, "cells": 9}
    sources(controls=few).check_pictures(1)


def test_without_all_lesion_masks_there_is_no_control_of_anatomy(sources: Callable[..., MapSources]) -> None:
    found = dataclasses.replace(sources(), has_lesion_masks=False)
    assert "controls/lesion" not in [source.path for source in found]
    assert "lesion" not in found.controls and "controls/mean_mask" in [source.path for source in found]


# Several saliency methods

SEVERAL: dict[str, Any] = {
    "methods": {
        "gradcam": ASKED,
        "finer": {"kind": "layercam", "layer": "early", **ASKED},
        "gradient": ASKED,
        "rise": {**OF_SAMPLE, "score": "after_softmax", "masks": 400, "cells": 7, "kept": 0.5, "standard_error": 0},
    },
    "models": {
        "fine": {"methods": {"scorecam": {**OF_SAMPLE, "layer": "early"}, "gradient": None}},
        "coarse": {"methods": {"finer": {"kind": "hirescam", **ASKED}, "smoothgrad": {**OF_SAMPLE, "samples": 20}}},
    },
    "variants": {"tiled": {"kind": "tiles", "of": "scorecam", "tiles": 4}},
}


def test_each_model_has_its_own_methods_and_the_variants_of_these(sources: Callable[..., MapSources]) -> None:
    found = sources(**SEVERAL)
    chance = ["random_cells", "shuffled"]
    assert [source.method for source in found.of_owner("fine")] == [
        *("gradcam", "finer", "rise", "scorecam", "tiled"),
        *chance,
    ]
    assert [source.method for source in found.of_owner("coarse")] == [
        *("gradcam", "finer", "gradient", "rise", "smoothgrad"),
        *chance,
    ]
    kinds = {source.path: source.kind for source in found}
    assert (kinds["fine/finer"], kinds["coarse/finer"]) == (KINDS["layercam"], KINDS["hirescam"])
    assert found.saliency_methods == ["gradcam", "finer", "rise", "scorecam", "tiled", "gradient", "smoothgrad"]
    predicting = found.predicting("fine")
    assert predicting is not None and predicting.path == "fine/gradcam"


def test_maps_are_as_fine_as_what_a_method_looks_at(sources: Callable[..., MapSources]) -> None:
    """The layer that it names or a model's own; the picture, where it has a value for each pixel."""
    found = sources(**SEVERAL, ceilings={"grids": {"start": 4, "stop": 4, "step": 1}, "maps": True})
    grids = {source.path: found.grid(source) for source in found}
    assert grids["fine/gradcam"] == (28, 28) and grids["coarse/gradcam"] == grids["coarse/finer"] == (8, 7)
    assert grids["fine/finer"] == grids["fine/scorecam"] == grids["fine/tiled"] == EARLY
    assert grids["fine/rise"] == (450, 450)
    assert grids["coarse/gradient"] == grids["coarse/rise"] == grids["coarse/smoothgrad"] == (227, 227)
    assert {"ceiling/8x7", "ceiling/28x28"} <= set(grids)
    assert found.ceiling_grids == [(4, 4), (8, 7), (28, 28), EARLY, (227, 227), (450, 450)]


def test_one_job_has_all_formulas_that_are_asked_the_same(sources: Callable[..., MapSources]) -> None:
    paths = [[source.path for source in job] for job in sources(**SEVERAL).jobs]
    assert paths == [
        ["fine/gradcam", "fine/finer"],
        ["fine/rise"],
        ["fine/scorecam"],
        ["coarse/gradcam", "coarse/finer", "coarse/gradient"],
        ["coarse/rise"],
        ["coarse/smoothgrad"],
    ]
    # Neither another class, another score, other pictures nor other batches are of the same pass.
    for option, value in (("target", "MEL"), ("score", "after_softmax"), ("pictures", 7), ("batch_size", 8)):
        methods = {
            "gradcam": ASKED,
            "layercam": {**ASKED, option: value},
            "hirescam": ASKED,
            "gradient": {**ASKED, option: value},
        }
        jobs = sources(methods=methods, variants={}).jobs
        assert [[source.method for source in job] for job in jobs if job[0].model == "fine"] == [
            ["gradcam", "hirescam"],
            ["layercam", "gradient"],
        ], option
    # Methods that ask the network are asked apart from each other, of one kind, too.
    twice = {"gradcam": ASKED, "few": {"kind": "smoothgrad", **ASKED}, "many": {"kind": "smoothgrad", **ASKED}}
    jobs = sources(methods=twice, variants={}).jobs
    assert [[source.method for source in job] for job in jobs[:3]] == [["gradcam"], ["few"], ["many"]]


def test_a_job_is_given_what_its_methods_depend_on(sources: Callable[..., MapSources]) -> None:
    """And nothing else, so that a method's change makes no maps of others again."""
    found = sources(**SEVERAL)
    fine, rise, scorecam, coarse, *_ = found.jobs
    assert found.job_inputs(fine) == {
        "settings": {"input_size": 450, "logits": None, "layers": {"last": "fine/last", "early": "fine/early"}},
        "classes": ["MEL", "NV", "fine"],
    }
    assert found.job_inputs(rise) == {
        "settings": {"input_size": 450, "logits": None, "layers": {}},
        "classes": ["MEL", "NV", "fine"],
        "seed": 7,
    }
    assert found.job_inputs(scorecam)["settings"]["layers"] == {"early": "fine/early"}
    assert "seed" not in found.job_inputs(scorecam)
    assert found.job_inputs(coarse)["settings"] == {
        "input_size": 227,
        "logits": "scores",
        "layers": {"last": "coarse/last"},
    }
    for job in found.jobs:  # and are enough, with the pictures' names, to call them
        assert Inputs(images=["a"], **found.job_inputs(job)).classes[-1] == job[0].model


def test_a_method_is_called_with_its_own_options(sources: Callable[..., MapSources]) -> None:
    signed = {"kind": "integrated_gradients", **OF_SAMPLE, "steps": 9, "baseline": "gray", "negative": "absolute"}
    found = sources(**{**SEVERAL, "methods": {**SEVERAL["methods"], "signed": signed}})
    asked = {source.path: found.asked(source) for job in found.jobs for source in job}
    formula = {"options": {}, "negative": None}
    assert asked["fine/gradcam"] == {
        "compute": "saliency.gradcam:grad_cam",
        "takes": "layer",
        "layer": "last",
        **formula,
    }
    assert asked["fine/finer"] == {
        "compute": "saliency.layercam:layer_cam",
        "takes": "layer",
        "layer": "early",
        **formula,
    }
    assert asked["coarse/gradient"] == {
        "compute": "saliency.gradient:gradient",
        "takes": "pictures",
        "layer": None,
        **formula,
    }
    assert asked["fine/rise"] == {
        "compute": "saliency.rise:rise",
        "takes": "network",
        "layer": None,
        "options": {"masks": 400, "cells": 7, "kept": 0.5, "standard_error": 0},
        "negative": None,
    }
    assert asked["fine/scorecam"] == {
        "compute": "saliency.scorecam:score_cam",
        "takes": "network",
        "layer": "early",
        **formula,
    }
    assert asked["fine/signed"] == {
        "compute": "saliency.integrated_gradients:integrated_gradients",
        "takes": "network",
        "layer": None,
        "options": {"steps": 9, "baseline": "gray"},
        "negative": "absolute",
    }


def test_passes_are_counted_as_the_methods_take_them(sources: Callable[..., MapSources]) -> None:
    """A gradient as three passes; Score-CAM has one for each channel of the layer that it names, or of the model's."""
    own = {"scorecam": OF_SAMPLE, "xrai": {**OF_SAMPLE, "steps": 10}}
    found = sources(**{**SEVERAL, "models": {**SEVERAL["models"], "coarse": {"methods": own}}})
    passes = {source.path: found.passes(source) for job in found.jobs for source in job}
    assert passes == {
        "fine/gradcam": 3,
        "fine/finer": 3,
        "fine/rise": 400,
        "fine/scorecam": 64,
        "coarse/gradcam": 3,
        "coarse/finer": 3,
        "coarse/gradient": 3,
        "coarse/rise": 400,
        "coarse/scorecam": 512,
        "coarse/xrai": 60,
    }


def test_methods_that_differ_in_their_layer_alone_are_told(sources: Callable[..., MapSources]) -> None:
    """Whatever they are called, and the variants that are made of them; no other option may differ."""
    methods: dict[str, Any] = {
        "gradcam": ASKED,
        "finer": {"kind": "gradcam", "layer": "early", **ASKED},
        "of_class": {"kind": "gradcam", **ASKED, "target": "MEL"},
        "layercam": {**ASKED, "layer": "early"},
    }
    variants = {name: {"kind": "tiles", "of": of, "tiles": 4} for name, of in (("a", "gradcam"), ("b", "finer"))}
    variants |= {
        "c": {"kind": "tiles", "of": "of_class", "tiles": 4},
        "d": {"kind": "tiles", "of": "finer", "tiles": 5},
    }
    found = sources(methods=methods, variants=variants)
    alike = {source.method: found.but_for_layer(source) for source in found.of_owner("fine")}
    assert alike["gradcam"] == alike["finer"] and alike["a"] == alike["b"]
    assert len({alike[name] for name in ("gradcam", "of_class", "layercam", "a", "c", "d")}) == 6


# Samples


def test_a_sample_is_of_the_least_hashes_whatever_its_batches(sources: Callable[..., MapSources]) -> None:
    found = sources(**SEVERAL)
    by_path = {source.path: source for source in found}
    images = [image for batch in BATCHES.values() for image in batch]
    expected = set(sorted(images, key=name_hash)[:5])
    batches = found.batches(by_path["fine/rise"])
    assert {image for batch in batches.values() for image in batch} == expected
    # In the batches and the order that all pictures have; a batch without any is left out.
    assert batches == {
        batch: [image for image in of if image in expected]
        for batch, of in BATCHES.items()
        if any(image in expected for image in of)
    }
    assert found.batches(by_path["fine/gradcam"]) == BATCHES
    # A larger sample has the smaller one in it, and as many as there are are all.
    own = {"fine": {"methods": {"smoothgrad": {**OF_SAMPLE, "pictures": 9}, "xrai": {**OF_SAMPLE, "pictures": 999}}}}
    larger = sources(methods=SEVERAL["methods"], models={**own, "coarse": {}}, variants={})
    of = {source.method: larger.batches(source) for source in larger.of_owner("fine") if source.kind.family == "method"}
    nine = {image for batch in of["smoothgrad"].values() for image in batch}
    assert len(nine) == 9 and expected < nine
    assert of["xrai"] == BATCHES
    # One picture of it is all of its batch.
    (first, *_) = sorted(images, key=name_hash)
    alone = dataclasses.replace(
        found, pictures={"0": [first], "1": [image for image in images if image not in expected]}
    )
    assert alone.batches(by_path["fine/rise"])["0"] == [first]


def test_what_is_made_of_a_sample_is_one(sources: Callable[..., MapSources]) -> None:
    sampled = {source.path: sources(**SEVERAL).is_sample(source) for source in sources(**SEVERAL)}
    assert {path for path, is_sample in sampled.items() if is_sample} == {
        "fine/rise",
        "fine/scorecam",
        "fine/tiled",
        "coarse/rise",
        "coarse/smoothgrad",
    }


def test_readers_are_sources_of_a_sample_that_no_model_is_asked_about(sources: Callable[..., MapSources]) -> None:
    found = sources(["anna", "ben"], methods={"gradcam": ASKED})
    readers = found.of_owner("reader")
    assert [source.path for source in readers] == ["reader/anna", "reader/ben"] == [each.path for each in found][-2:]
    assert found.methods(READER) == ["anna", "ben"]
    for source in readers:
        assert found.is_sample(source) and found.grid(source) == (9, 9)  # that of the priors
        assert found.inputs(source) == {"grid": (9, 9), "features": ["streaks", "union"]}
        assert source not in found.asked_about("fine")
    assert found.grids == sources().grids  # no mask is counted for them
    assert found.predicting("reader") is None
    assert not sources().of_owner("reader")


# Segmentation networks

NETWORKS_OF_STUDY = {"folds": 2, "networks": {"unet": {"cells": 64}, "pooled": {"cells": 32}}}


def test_segmentation_networks_are_sources_with_controls_of_their_own(sources: Callable[..., MapSources]) -> None:
    found = sources(segmentation=NETWORKS_OF_STUDY)
    of_networks = [
        f"{network}/{method}"
        for network in ("unet", "pooled")
        for method in ("segmentation", "random_cells", "shuffled")
    ]
    before = [source.path for source in sources()]
    of_models = [path for path in before if path.split("/")[0] in GRIDS]
    assert [source.path for source in found] == [*of_models, *of_networks, *before[len(of_models) :]]
    assert found.owners == ["fine", "coarse", "unet", "pooled", "controls"]
    assert found.methods(SEGMENTATION) == ["segmentation"]
    assert found.saliency_methods == sources().saliency_methods and found.controls == sources().controls
    by_path = {source.path: source for source in found}
    unet = by_path["unet/segmentation"]
    assert (unet.kind, dict(unet.options), unet.of) == (KINDS["segmentation"], {"cells": 64}, None)
    assert unet.needs(NETWORKS) and unet.needs(PICTURES) and not unet.needs(CLASSIFIER) and not unet.needs(MASKS)
    for network, cells in (("unet", 64), ("pooled", 32)):
        for source in found.of_owner(network):
            assert found.grid(source) == (cells, cells)
            assert not found.is_sample(source) and found.batches(source) == BATCHES
        # A single draw, of the network's own maps; those of models have as many as are configured.
        for name in ("random_cells", "shuffled"):
            control = by_path[f"{network}/{name}"]
            assert control.of == by_path[f"{network}/segmentation"] and dict(control.options) == {"draws": 1}
        assert [source.path for source in found.controls_of(network)] == [
            f"{network}/random_cells",
            f"{network}/shuffled",
            *(f"controls/{name}" for name in ("all_white", "mean_mask", "lesion")),
        ]
        assert found.predicting(network) is None
    assert dict(by_path["fine/random_cells"].options) == {"draws": 3}
    assert [source.path for source in found.controls_of("fine")] == [
        source.path for source in sources().controls_of("fine")
    ]
    assert [[source.path for source in job] for job in found.jobs] == [
        [source.path for source in job] for job in sources().jobs
    ]  # no classifier is asked
    assert set(found.grids) == set(sources().grids) | {(64, 64), (32, 32)}


def test_what_networks_mapped_a_model_is_asked_about_and_not_their_controls(sources: Callable[..., MapSources]) -> None:
    found = sources(segmentation=NETWORKS_OF_STUDY)
    asked = [source.path for source in found.asked_about("fine")]
    assert [path for path in asked if path.split("/")[0] in ("unet", "pooled")] == [
        "unet/segmentation",
        "pooled/segmentation",
    ]
    before = [source.path for source in sources().asked_about("fine")]
    assert [path for path in asked if path in before] == before


def test_folds_are_of_pictures(sources: Callable[..., MapSources]) -> None:
    found = sources(segmentation=NETWORKS_OF_STUDY)
    folds = NETWORKS_OF_STUDY.get("folds", 5)
    found.check_folds(folds)
    with pytest.raises(InputError, match=rf"segmentation.folds is {folds}, and there are {folds - 1} .*without unet"):
        found.check_folds(folds - 1)
    sources().check_folds(1)


def test_ceilings_are_told_of_networks_grids_and_are_sources_of_models_alone(
    sources: Callable[..., MapSources],
) -> None:
    squares = {"grids": {"start": 4, "stop": 4, "step": 1}, "maps": True}
    found, without = sources(segmentation=NETWORKS_OF_STUDY, ceilings=squares), sources(ceilings=squares)
    grids = {found.grid(source) for source in found if source.method == "segmentation"}
    assert set(found.ceiling_grids) == {*without.ceiling_grids, *grids} != set(without.ceiling_grids)
    assert found.methods(CEILING) == without.methods(CEILING)
