"""The study's map sources: which there are, in which order, on which grids, and what each is given."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from dermalign.errors import InputError
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.study_sources import MapSources
from dermalign.study.sources import CHANCE, CLASSIFIER, INDEPENDENT, KINDS, MAPS, MASKS, PICTURES, Kind, square_of_cells
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
            "chance": {"methods": ["all_white", "shuffled"], "draws": 3},
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
    of_model = ["gradcam", "of_tiles", "whole", "all_white", "shuffled"]
    assert [source.path for source in found] == [
        *(f"{model}/{method}" for model in GRIDS for method in of_model),
        "ceiling/small",
        "ceiling/large",
    ]
    assert found.owners == ["fine", "coarse", "ceiling"]
    assert found.methods() == [*of_model, "small", "large"]
    assert found.methods(INDEPENDENT) == ["small", "large"]
    assert found.saliency_methods == ["gradcam", "of_tiles", "whole"]
    assert found.chance_methods == found.methods(CHANCE) == ["all_white", "shuffled"]
    assert [source.method for source in found.of_owner("ceiling")] == ["small", "large"]


def test_each_source_has_its_kind_its_options_and_what_it_is_made_of(sources: Callable[..., MapSources]) -> None:
    by_path = {source.path: source for source in sources(sources={"ceiling": {"small": {"kind": "disc", "cells": 8}}})}
    gradcam = by_path["coarse/gradcam"]
    assert (gradcam.kind, dict(gradcam.options), gradcam.of) == (KINDS["gradcam"], {"batch_size": 32}, None)
    tiles = by_path["coarse/of_tiles"]
    assert (tiles.kind, dict(tiles.options), tiles.of) == (KINDS["tiles"], {"tiles": 4}, gradcam)
    shuffled = by_path["coarse/shuffled"]
    assert (shuffled.kind, dict(shuffled.options), shuffled.of) == (KINDS["shuffled"], {"draws": 3}, gradcam)
    assert dict(by_path["fine/all_white"].options) == {}
    small = by_path["ceiling/small"]
    assert (small.kind, dict(small.options), small.of) == (KINDS["disc"], {"cells": 8}, None)
    assert gradcam.needs(CLASSIFIER) and gradcam.needs(PICTURES) and not gradcam.needs(MAPS)
    assert tiles.needs(MAPS) and not tiles.needs(CLASSIFIER)


def test_chance_is_made_of_the_first_method(sources: Callable[..., MapSources]) -> None:
    found = sources(methods={"gradcam": {}, "tiles": {}}, variants={"other": {"kind": "study_range", "of": "tiles"}})
    made_of = {source.path: source.of.path for source in found if source.of}
    assert made_of["fine/all_white"] == made_of["fine/shuffled"] == "fine/gradcam"
    assert made_of["fine/other"] == "fine/tiles"
    assert found.saliency_methods == ["gradcam", "tiles", "other"]


def test_grids_follow_from_what_a_source_is_made_of(sources: Callable[..., MapSources]) -> None:
    found = sources(sources={"ceiling": {"small": {"kind": "disc", "cells": 8}}})
    grids = {source.path: found.grid(source) for source in found}
    for model, grid in GRIDS.items():
        for method in ("gradcam", "of_tiles", "all_white", "shuffled"):
            assert grids[f"{model}/{method}"] == grid
        assert grids[f"{model}/whole"] == (48, 48)
    assert grids["ceiling/small"] == (8, 8)
    assert found.grids == [(8, 7), (8, 8), (28, 28), (48, 48)]
    assert sources(variants={}, chance={"methods": []}).grids == [(8, 7), (28, 28)]


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
    assert inputs["coarse/of_tiles"] == inputs["coarse/all_white"] == {"grid": (8, 7)}
    assert inputs["coarse/shuffled"] == {"grid": (8, 7), "seed": 7}
    assert inputs["ceiling/small"] == {"features": ["streaks", "union"], "grid": (8, 8), "seed": 7}
    for source in found:  # and are enough, with the pictures' names, to call its function
        assert Inputs(images=["a"], **inputs[source.path]).grid == found.grid(source)


def test_sources_that_need_more_pictures_than_there_are(sources: Callable[..., MapSources]) -> None:
    sources().check_pictures(2)
    with pytest.raises(InputError, match=r"`shuffled` needs at least 2 pictures, and 1 of the evaluation pictures"):
        sources().check_pictures(1)
    sources(chance={"methods": ["all_white"]}).check_pictures(1)
