"""The study's map sources: which there are, in which order, on which grids, and what each is given."""

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from dermalign.errors import InputError
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.study_sources import MapSources
from dermalign.study.sources import (
    ANATOMY,
    CHANCE,
    CLASSIFIER,
    INDEPENDENT,
    KINDS,
    MAPS,
    MASKS,
    PICTURES,
    PRIOR,
    Kind,
    square_of_cells,
)
from dermalign.study.study import Study

GRIDS = {"fine": (28, 28), "coarse": (8, 7)}


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Callable[..., MapSources]:
    """A function that returns the sources of a study of two models; beside the registry's kinds there is one more."""
    drawn_disc = Kind(
        INDEPENDENT, "saliency.tiles:tiles", (MASKS,), {"cells": {}}, ("cells",), square_of_cells, draws=True
    )
    monkeypatch.setitem(KINDS, "disc", drawn_disc)

    def of(**changes: Any) -> MapSources:
        configuration = {
            "features": ["streaks"],
            "seed": 7,
            "methods": {"gradcam": {"batch_size": 32}},
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
            grids=GRIDS,
            input_size={"fine": 450, "coarse": 227}.__getitem__,
            classes=lambda model: ["MEL", "NV", model],
            saliency_settings=lambda model: {"saliency_layer": f"last of {model}"},
        )
        return MapSources(Study(configuration), classifiers)

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
    assert (gradcam.kind, dict(gradcam.options), gradcam.of) == (KINDS["gradcam"], {"batch_size": 32}, None)
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
    found = sources(methods={"gradcam": {}, "tiles": {}}, variants={"other": {"kind": "study_range", "of": "tiles"}})
    made_of = {source.path: source.of.path for source in found if source.of}
    assert made_of["fine/random_cells"] == made_of["fine/shuffled"] == "fine/gradcam"
    assert made_of["fine/other"] == "fine/tiles"
    assert found.saliency_methods == ["gradcam", "tiles", "other"]


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
    # Ceilings are neither methods of a classifier nor chance.
    assert found.saliency_methods == sources().saliency_methods
    assert found.chance_methods == sources().chance_methods
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
    assert inputs["fine/gradcam"] == {
        "grid": (28, 28),
        "settings": {"saliency_layer": "last of fine"},
        "classes": ["MEL", "NV", "fine"],
    }
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
