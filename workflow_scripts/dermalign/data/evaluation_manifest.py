"""The evaluation manifest: which pictures with masks are analysed, and which are left out, each with its reason."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from ..errors import InputError
from ..terms import UNION
from .diagnoses import unmapped_lines
from .manifests import SET_ASIDE, in_short, is_set_aside, set_aside_lines
from .names import plain_name


def evaluation_manifest(
    counts: pd.DataFrame,
    diagnoses: Mapping[str, str],
    evaluation_diagnoses: Sequence[str],
    set_aside: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return an evaluation manifest, a row per picture with masks, by name. Its columns are described in `manifests`.

    counts: a row per picture, `image,width,height,<feature>...,union`, sizes and white pixels, integers. diagnoses:
    {plain image name: diagnosis}, as `labels.read_diagnoses`. Included is a picture with one of the evaluation
    diagnoses whose union is not all black. set_aside: {image: what is wrong} of pictures that are only listed.
    """
    found = [diagnoses.get(plain_name(image), "") for image in counts["image"]]
    reasons = [
        _reason(diagnosis, union, evaluation_diagnoses) for diagnosis, union in zip(found, counts[UNION], strict=True)
    ]
    table = counts.assign(included=[not reason for reason in reasons], reason=reasons)
    table.insert(1, "diagnosis", found)
    if set_aside:
        table = pd.concat([table, _of_set_aside(table, diagnoses, set_aside)])
    return table.sort_values("image", ignore_index=True)


def _of_set_aside(table: pd.DataFrame, diagnoses: Mapping[str, str], set_aside: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of pictures that were set aside, whose numbers nobody knows: 0."""
    rows = pd.DataFrame(0, index=range(len(set_aside)), columns=table.columns, dtype=object)
    rows["image"] = list(set_aside)
    rows["diagnosis"] = [diagnoses.get(plain_name(image), "") for image in set_aside]
    rows["included"] = False
    rows["reason"] = [f"it {SET_ASIDE}: {fault}" for fault in set_aside.values()]
    return rows.astype(table.dtypes)


def _reason(diagnosis: str, union: int, evaluation_diagnoses: Sequence[str]) -> str:
    if not diagnosis:
        return "no table knows its diagnosis"
    if diagnosis not in evaluation_diagnoses:
        return f"its diagnosis {diagnosis} is not one of {' '.join(evaluation_diagnoses)}"
    return "" if union else "no mask shows a feature"


def _inverted(table: pd.DataFrame, features: Sequence[str]) -> Iterator[str]:
    """Yield a line on each feature that covers most of most pictures with it: no mask says what its black means."""
    shares = table.loc[table["included"], [*features]].div(table["width"] * table["height"], axis=0)
    for feature in features:
        shown = shares[feature][shares[feature] > 0]
        large = int((shown > 0.5).sum())
        if large > len(shown) / 2:
            yield (
                f"WARNING: {feature} covers more than half of the picture on {large} of {len(shown)} pictures in the "
                "analysis that show it: are its masks inverted?"
            )


def evaluation_account(
    table: pd.DataFrame, contradictions: Sequence[str], classes: Sequence[str], remarks: Sequence[str] = ()
) -> list[str]:
    """Return plain lines: how many pictures are evaluated, what was left out and why, and what contradicts.

    table: of `evaluation_manifest`. contradictions: sentences, as of `labels.read_diagnoses`. classes: of the study; a
    diagnosis that is none of them is told with a picture. remarks: lines on what else was found, as of
    `mask_files.mask_account`. Raises InputError where no picture is left: nothing can follow.
    """
    included = Counter(table.loc[table["included"], "diagnosis"])
    counts = ", ".join(f"{diagnosis} {count}" for diagnosis, count in included.most_common())
    reasons = Counter(in_short(table.loc[~table["included"], "reason"]))
    if not included:
        why = "; ".join(f"{count} because {reason}" for reason, count in reasons.most_common())
        raise InputError(
            f"no picture is left to analyse: of {len(table)} with masks, left out are {why or 'none'}. Correct the "
            "masks, archives.diagnoses or evaluation_diagnoses."
        )
    lines = [f"{len(table)} pictures with masks", f"in the analysis: {included.total()} ({counts})"]
    lines.append(f"left out: {reasons.total()}")
    lines.extend(f"  {count} because {reason}" for reason, count in reasons.most_common())
    lines.extend(set_aside_lines(table))
    unmapped = table[~table["diagnosis"].isin([*classes]) & ~is_set_aside(table)]
    lines.extend(unmapped_lines(unmapped["image"].tolist(), unmapped["diagnosis"].tolist()))
    columns = list(map(str, table))
    features = columns[columns.index("height") + 1 : columns.index(UNION)]
    lines.extend(
        f"WARNING: {feature} is white on no picture in the analysis: its overlap is undefined"
        for feature in features
        if not table.loc[table["included"], feature].any()
    )
    lines.extend(_inverted(table, features))
    lines.extend(remarks)
    if contradictions:
        lines.append(f"{len(contradictions)} contradictions between diagnosis tables")
        lines.extend(f"  {sentence}" for sentence in contradictions)
    return lines
