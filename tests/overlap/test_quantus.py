"""Localisation measures against Quantus 0.6 (Hedström et al. 2023), in an environment of its own.

Where both define a measure they are equal. The policies differ, and each difference is a test below:

- a black mask is a hit in Quantus's pointing game; here its picture is not in the population;
- a constant map is a hit in Quantus's pointing game, as any of its highest pixels is white; here it is a miss;
- of equal values Quantus ranks first what its sort happens to put first, here they are shared out in proportion, which
  is what Quantus gives on average over all orders of the pixels;
- Quantus divides each map by its maximum (`normalise`), which changes none of these measures; `abs` is off by default,
  and maps in [0, 1] are their own absolute values. It refuses a call whose maps are all zeros; beside others it has
  NaN as the mass of such a map, as we have.
"""

from importlib.metadata import version
from pathlib import Path

import brute_force
import numpy as np
import pytest
from dermalign.overlap.localisation import MEASURES, localisation
from engine_cases import draw_map, draw_mask
from numpy.typing import NDArray
from reference_environments import reference_python, run_script

pytestmark = pytest.mark.slow

# Without its dependencies: TensorFlow and torch are needed by metrics that call a network. What it imports is of our
# versions where we have it, so that numbers differ by what Quantus does.
SHARED = ("numpy", "scipy", "scikit-learn", "scikit-image", "matplotlib", "pandas", "tqdm")
OTHERS = ("cachetools", "opencv-python-headless")
SIZE = WIDTH, HEIGHT = 56, 40
COMPARED = ("pointing_game", "relevance_mass", "relevance_rank", "roc_auc")
ORDERS = 400
OF_ORDERS = 10  # which of the coarse pairs: a box, and a map of eleven values


@pytest.fixture(scope="module")
def quantus() -> Path:
    """The Python of an environment with Quantus."""
    packages = [*(f"{name}=={version(name)}" for name in SHARED), *OTHERS]
    return reference_python("quantus-0.6.0", ["quantus==0.6.0"], packages)


Sets = dict[str, tuple[NDArray[np.float32], NDArray[np.bool_]]]
Scores = dict[str, NDArray[np.float64]]


@pytest.fixture(scope="module")
def sets() -> Sets:
    """Drawn maps (n, h, w) and masks (n, height, width), by set."""
    random = np.random.default_rng(12)
    masks = np.stack([draw_mask(random, kind, *SIZE) > 127 for kind in ["noise", "box", "pixel"] * 5])
    maps = np.stack([draw_map(random, kind, (7, 9)) for kind in ["any", "tenths", "ties"] * 5])
    # As many cells as pixels, no two of one value: nothing is left to a sort.
    distinct = np.stack([random.permutation(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) for _ in masks])
    constant = np.stack([np.full((7, 9), value, dtype=np.float32) for value in (0, 0.3, 1)])
    return {
        "coarse": (maps, masks),
        "distinct": ((distinct / distinct.max()).astype(np.float32), masks),
        "constant": (constant, masks[:3]),
        "black": (maps[:3], np.zeros_like(masks[:3])),
        "full": (maps[:3], np.ones_like(masks[:3])),
    }


@pytest.fixture(scope="module")
def theirs(quantus: Path, sets: Sets, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """What Quantus says of each set, of maps scaled up, and of one coarse pair with its pixels in many orders."""
    folder = tmp_path_factory.mktemp("quantus")
    arrays = {}
    for name, (maps, masks) in sets.items():
        arrays[f"{name}_maps"] = np.stack([brute_force.scaled_up(one, *SIZE) for one in maps]).astype(np.float64)
        arrays[f"{name}_masks"] = masks
    random = np.random.default_rng(5)
    orders = np.stack([random.permutation(WIDTH * HEIGHT) for _ in range(ORDERS)])
    for name in ("maps", "masks"):
        arrays[f"orders_{name}"] = arrays[f"coarse_{name}"][OF_ORDERS].ravel()[orders].reshape(-1, HEIGHT, WIDTH)
    return run_script(quantus, Path(__file__).with_name("quantus_scores.py"), folder, arrays)


@pytest.fixture(scope="module")
def ours(sets: Sets) -> Scores:
    """What we say of each set, by set and measure as Quantus's scores, from maps that are not scaled up."""
    found = {}
    for name, (maps, masks) in sets.items():
        cells = np.stack([brute_force.cell_counts(mask, maps.shape[1:]) for mask in masks])
        values = localisation(maps, cells[:, np.newaxis], np.tile(SIZE, (len(maps), 1))).values[:, 0]
        found |= {f"{name}_{measure}": values[:, column] for column, measure in enumerate(MEASURES)}
    return found


@pytest.mark.parametrize("end", ["", "_raw"])
def test_what_both_define_is_equal(ours: Scores, theirs: Scores, end: str) -> None:
    for name in COMPARED:
        np.testing.assert_allclose(ours[f"distinct_{name}"], theirs[f"distinct_{name}{end}"], rtol=1e-11, err_msg=name)
        if name != "relevance_rank":
            np.testing.assert_allclose(ours[f"coarse_{name}"], theirs[f"coarse_{name}{end}"], rtol=1e-11, err_msg=name)
    assert 0 < ours["coarse_pointing_game"].mean() < 1


def test_equal_values_are_shared_out_as_the_mean_over_their_orders(ours: Scores, theirs: Scores) -> None:
    assert np.abs(ours["coarse_relevance_rank"] - theirs["coarse_relevance_rank"]).max() > 1e-3
    of_orders = theirs["orders_relevance_rank"]
    assert of_orders.std() > 0
    error = of_orders.std(ddof=1) / np.sqrt(ORDERS)
    assert abs(ours["coarse_relevance_rank"][OF_ORDERS] - of_orders.mean()) < 4 * error


def test_black_masks_are_hits_to_quantus_and_nothing_here(ours: Scores, theirs: Scores) -> None:
    assert theirs["black_pointing_game"].tolist() == [1, 1, 1]
    for name in COMPARED:
        assert np.isnan(ours[f"black_{name}"]).all()
        assert name == "pointing_game" or np.isnan(theirs[f"black_{name}"]).all()


@pytest.mark.parametrize("end", ["", "_raw"])
def test_constant_maps_are_hits_to_quantus_and_misses_here(ours: Scores, theirs: Scores, end: str) -> None:
    assert theirs[f"constant_pointing_game{end}"].tolist() == [1, 1, 1]
    assert ours["constant_pointing_game"].tolist() == [0, 0, 0]
    for name in ("relevance_mass", "roc_auc"):  # of zeros, the first, no mass is defined
        np.testing.assert_allclose(ours[f"constant_{name}"], theirs[f"constant_{name}{end}"], rtol=1e-11)
    assert np.isnan(ours["constant_relevance_mass"][0])


def test_masks_that_are_white_everywhere(ours: Scores, theirs: Scores) -> None:
    for name in ("pointing_game", "relevance_mass", "relevance_rank"):
        np.testing.assert_allclose(ours[f"full_{name}"], theirs[f"full_{name}"], rtol=1e-11)
    assert np.isnan(ours["full_roc_auc"]).all()
    assert np.isnan(theirs["full_roc_auc"]).all()
