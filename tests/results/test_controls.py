"""A model beside its controls, paired picture by picture, against loops over pictures and resamples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.overlap.shards import Shards
from dermalign.results.controls import (
    BEST_EQUAL_AREA,
    EQUAL_AREA,
    EVERYONE,
    OWN_BEST,
    Control,
    control_statistics,
)
from dermalign.results.intervals import clusters_of, resampled_lesions
from dermalign.results.statistics import GROUP_BEST, UNION_BEST
from dermalign.study.groups import default_groups

THRESHOLDS = ["0.000", "0.500", "0.800", "1.000"]
SEED = 5


def shards_of(images: list[str], jaccard: np.ndarray) -> Shards:
    """Shards with the given J, exact to a thousandth."""
    intersection = np.round(1000 * np.asarray(jaccard)).astype(np.int64)
    return Shards(images, THRESHOLDS, intersection, np.full_like(intersection, 1000), np.arange(len(images)))


def control_of(shards: dict[str, Shards], name: str = "shuffled", *, is_constant: bool = False) -> Control:
    """A control whose J at equal area is told by the area that is asked for."""

    def equal_area(feature: str, images: Sequence[str], area: np.ndarray) -> np.ndarray:
        assert images == shards[feature].images
        return area / 10_000

    return Control(name, "chance", is_constant, shards, equal_area)


def evaluation_of(images: list[str], **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"image": images, "diagnosis": "MEL", "union": 400, "streaks": 300, **more})


def study(n: int = 24) -> tuple[list[str], dict[str, Shards], dict[str, Shards], dict[str, str], dict[str, str]]:
    random = np.random.default_rng(0)
    images = [f"ISIC_{number:07d}" for number in range(n)]
    own = {"union": shards_of(images, random.random((4, n)) * [[0.5], [0.9], [0.88], [0]])}
    own["streaks"] = shards_of(images[::3], random.random((4, len(images[::3]))))
    other = {name: shards_of(of.images, random.random(of.union.shape)) for name, of in own.items()}
    lesions = {image: f"L{number // 2}" for number, image in enumerate(images) if number % 5}
    predicted = {image: ("MEL", "NV")[number % 4 == 1] for number, image in enumerate(images)}
    return images, own, other, lesions, predicted


def test_every_row_equals_a_loop_over_pictures_and_resamples() -> None:
    images, own, other, lesions, predicted = study()
    groups = default_groups(["MEL"])
    evaluation = evaluation_of(images)
    table = control_statistics(
        "plain", {"gradcam": own}, [control_of(other)], evaluation, predicted, groups, lesions, SEED
    )
    assert len(table) == 2 * (len(THRESHOLDS) + 2 + 2 * 2)
    times = {
        feature: np.concatenate(list(resampled_lesions(int(clusters_of(of.images, lesions).max()) + 1, SEED)))[
            :, clusters_of(of.images, lesions)
        ].astype(float)
        for feature, of in own.items()
    }
    union_times = times["union"]
    for feature, of in own.items():
        white = {"union": 400, "streaks": 300}[feature]
        jaccard = of.intersection / of.union
        control = other[feature].intersection / other[feature].union
        equal = (of.union + of.intersection - white) / 10_000
        wrong = np.array([predicted[image] != "MEL" for image in of.images])
        in_union = [images.index(image) for image in of.images]
        clusters = clusters_of(of.images, lesions)
        for row in table[table["feature"] == feature].itertuples():
            assert (row.model, row.method, row.control, row.kind) == ("plain", "gradcam", "shuffled", "chance")
            if row.group == EVERYONE:
                members, weights = np.ones(len(of.images), bool), times[feature]
            else:
                members = wrong if row.group == "MEL-wrong" else ~wrong
                weights = union_times[:, in_union]
            chosen_by = jaccard[:, members]
            if row.at == UNION_BEST:
                chosen_by = own["union"].jaccard
            best = int(chosen_by.mean(axis=1).argmax()) if row.at != EQUAL_AREA else THRESHOLDS.index(row.threshold)
            assert row.threshold == THRESHOLDS[best]
            control_best = int(control.mean(axis=1).argmax())
            second = control[control_best] if row.at == OWN_BEST else equal[best, members]
            if row.at == OWN_BEST:
                assert row.control_threshold == THRESHOLDS[control_best]
            else:
                assert pd.isna(row.control_threshold)
            difference = jaccard[best, members] - second
            assert row.n == difference.size
            np.testing.assert_allclose(
                [row.j_mean, row.control_j_mean, row.difference_mean, row.difference_sd],
                [jaccard[best, members].mean(), second.mean(), difference.mean(), difference.std(ddof=1)],
            )
            resampled = []
            for draw, of_draw in enumerate(weights[:, members]):
                if not of_draw.sum():
                    continue
                mean = jaccard[:, members] @ of_draw / of_draw.sum()
                equal_mean = equal[:, members] @ of_draw / of_draw.sum()
                choose = mean
                if row.at == UNION_BEST:
                    choose = own["union"].jaccard @ union_times[draw] / union_times[draw].sum()
                place = int(choose.argmax()) if row.at != EQUAL_AREA else best
                against = equal_mean[place]
                if row.at == OWN_BEST:
                    against = (control @ of_draw / of_draw.sum()).max()
                resampled.append(mean[place] - against)
            np.testing.assert_allclose(
                [row.difference_low, row.difference_high], np.quantile(resampled, shares(clusters[members])), atol=1e-9
            )


def test_a_map_that_is_the_same_everywhere_has_no_best_threshold() -> None:
    images, own, other, lesions, _ = study()
    white = {name: shards_of(of.images, np.tile(of.jaccard[:1], (4, 1))) for name, of in other.items()}
    arguments = (evaluation_of(images), None, {}, lesions, SEED)
    table = control_statistics(
        "plain", {"gradcam": own}, [control_of(white, "all_white", is_constant=True)], *arguments
    )
    for row in table[table["at"] == OWN_BEST].itertuples():
        assert pd.isna(row.control_threshold)
        assert row.control_j_mean == pytest.approx(white[row.feature].jaccard[0].mean())
    assert set(table["group"]) == {EVERYONE}


def test_a_feature_that_nobody_shows_and_a_group_without_pictures_are_undefined() -> None:
    images, own, other, lesions, _ = study(6)
    own["streaks"], other["streaks"] = (shards_of([], np.empty((4, 0))) for _ in range(2))
    table = control_statistics(
        "plain",
        {"gradcam": own},
        [control_of(other)],
        evaluation_of(images),
        dict.fromkeys(images, "MEL"),
        default_groups(["MEL"]),
        lesions,
        SEED,
    )
    empty = table[(table["feature"] == "streaks") | (table["group"] == "MEL-wrong")]
    assert (empty["n"] == 0).all() and empty["difference_mean"].isna().all() and empty["difference_low"].isna().all()
    assert empty[empty["at"].isin([BEST_EQUAL_AREA, OWN_BEST, GROUP_BEST])]["threshold"].isna().all()
    rest = table.drop(empty.index)
    assert rest["difference_low"].notna().all() and (rest["difference_low"] <= rest["difference_high"]).all()


def test_a_group_of_one_lesion_has_no_interval() -> None:
    images, own, other, lesions, _ = study()
    predicted = dict.fromkeys(images, "MEL") | dict.fromkeys(images[2:4], "NV")  # two pictures of one lesion
    assert lesions[images[2]] == lesions[images[3]]
    table = control_statistics(
        *("plain", {"gradcam": own}, [control_of(other)], evaluation_of(images), predicted),
        *(default_groups(["MEL"]), lesions, SEED),
    )
    wrong = table[(table["group"] == "MEL-wrong") & (table["feature"] == "union")]
    assert wrong["n"].tolist() == [2, 2] and wrong["difference_mean"].notna().all()
    assert wrong[["difference_low", "difference_high"]].isna().all(axis=None)


def test_a_method_with_maps_of_a_sample_is_compared_on_it() -> None:
    images, own, other, lesions, _ = study(12)
    sample = [image for number, image in enumerate(images) if number % 2]
    mine = {"union": own["union"].among(sample)}

    def equal_area(feature: str, asked: Sequence[str], area: np.ndarray) -> np.ndarray:
        assert asked == sample
        return area / 10_000

    def compared(control: dict[str, Shards]) -> pd.DataFrame:
        controls = [Control("shuffled", "chance", False, control, equal_area)]
        evaluation = evaluation_of(images)
        return control_statistics("plain", {"rise": mine}, controls, evaluation, None, {}, lesions, SEED)

    found = compared({"union": other["union"]})
    assert set(found["n"]) == {6}
    pd.testing.assert_frame_equal(found, compared({"union": other["union"].among(sample)}))


def test_sources_of_different_pictures_are_not_compared() -> None:
    images, own, other, lesions, _ = study(6)
    other["union"] = shards_of(images[::-1], other["union"].jaccard)
    with pytest.raises(ValueError, match="plain: gradcam and shuffled are not of the same pictures"):
        control_statistics(
            "plain", {"gradcam": own}, [control_of(other)], evaluation_of(images), None, {}, lesions, SEED
        )
