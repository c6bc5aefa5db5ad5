"""The groups of pictures that tables 4 to 6 compare: by diagnosis and correctness, or as the study defines them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError

Groups = Mapping[str, Mapping[str, Any]]  # {name: filter}, in order; a filter as `is_member` takes it
NO_GROUP = ""


def default_groups(diagnoses: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return `MEL-correct`, `MEL-wrong`, `NV-correct`, ... for the evaluation diagnoses."""
    return {
        f"{diagnosis}-{'correct' if correct else 'wrong'}": {"diagnoses": [diagnosis], "correct": correct}
        for diagnosis in diagnoses
        for correct in (True, False)
    }


def is_member(group: Mapping[str, Any], diagnosis: str, predicted: str) -> bool:
    """Return whether a picture is in a group.

    group: any of `diagnoses` and `predicted`, lists of classes of which it must have one, and `correct`, whether the
    predicted class must be the diagnosis; what is left out does not matter.
    """
    return (
        diagnosis in group.get("diagnoses", [diagnosis])
        and predicted in group.get("predicted", [predicted])
        and (predicted == diagnosis) == group.get("correct", predicted == diagnosis)
    )


def groups_of(
    images: Sequence[str], evaluation: pd.DataFrame, predicted: Mapping[str, str], groups: Groups
) -> NDArray[np.str_]:
    """Return the name of each image's group, shape (n,), empty where it is in none.

    evaluation: manifest indexed by image. predicted: {image: predicted class}. Raises InputError for a picture that is
    in two groups: the Mann-Whitney test compares independent samples.
    """
    names = []
    for image, diagnosis in zip(images, evaluation.loc[list(images), "diagnosis"].tolist(), strict=True):
        found = [name for name, group in groups.items() if is_member(group, diagnosis, predicted[image])]
        if len(found) > 1:
            raise InputError(_in_two(found[0], found[1], f"{image} ({diagnosis} predicted as {predicted[image]})"))
        names.append(found[0] if found else NO_GROUP)
    return np.array(names, dtype=np.str_)


def check_groups(groups: Groups, diagnoses: Sequence[str], classes: Sequence[str]) -> None:
    """Raise InputError for groups that name what cannot be, that no picture can be in, or that overlap.

    diagnoses: the evaluation diagnoses. classes: those that a classifier may predict.
    """
    for name, group in groups.items():
        for key, known, of in (
            ("diagnoses", diagnoses, "evaluation_diagnoses"),
            ("predicted", classes, "classes"),
        ):
            unknown = [word for word in group.get(key, []) if word not in known]
            if unknown:
                raise InputError(f"groups.{name}.{key} names {', '.join(unknown)}, which `{of}` does not. Correct it.")
        if not any(is_member(group, *kind) for kind in _kinds(diagnoses, classes)):
            raise InputError(f"groups.{name}: no picture can be in it, as its conditions exclude each other.")
    for kind in _kinds(diagnoses, classes):
        found = [name for name, group in groups.items() if is_member(group, *kind)]
        if len(found) > 1:
            raise InputError(_in_two(found[0], found[1], f"a picture of {kind[0]} that is predicted as {kind[1]}"))


def _kinds(diagnoses: Sequence[str], classes: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((diagnosis, predicted) for diagnosis in diagnoses for predicted in classes)


def _in_two(first: str, second: str, picture: str) -> str:
    return (
        f"groups: {picture} is in {first} and in {second}. Groups are compared as independent samples (Mann-Whitney): "
        "no picture may be in two. Narrow one of them."
    )


def group_account(names: NDArray[np.str_], groups: Groups) -> list[str]:
    """Return plain lines: how many pictures of the analysis each group has, and how many are in none.

    names: as `groups_of`, of the pictures of the analysis.
    """
    sizes = ", ".join(f"{name} {np.count_nonzero(names == name)}" for name in groups)
    lines = [f"groups of tables 4 to 6: {sizes}"]
    left_out = np.count_nonzero(names == NO_GROUP)
    if left_out:
        lines.append(f"{left_out} of {names.size} pictures of the analysis are in no group: tables 4 to 6 lack them")
    return lines
