"""Labels for a further training: the classes of the pictures that readers corrected or confirmed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd


def corrected_labels(labels: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pictures whose class readers agree on, and those that are left out.

    labels: {reader: as `reader_files` has them}. classes: of the study. A reader has one vote on a picture: the class
    that all of the reader's verdicts, of whichever models, come to; the class with the votes of more than half of the
    readers counts. The first table is ISIC's ground truth, `image` and a column per class, 0 or 1, by name. The second
    has the columns image and reason: a reader's verdicts contradict each other, no class has the majority, nobody names
    one, or it is none of the study's.
    """
    votes: dict[str, dict[str, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for reader, table in labels.items():
        for image, model, name in table[["image", "model", "class"]].itertuples(index=False):
            of_reader = votes[image][reader]
            if name:
                of_reader[name].append(model)
    rows, left_out = [], []
    for image in sorted(votes):
        found = _decided(votes[image], classes)
        if found in classes:
            rows.append([image, *(int(name == found) for name in classes)])
        else:
            left_out.append([image, found])
    return pd.DataFrame(rows, columns=["image", *classes]), pd.DataFrame(left_out, columns=["image", "reason"])


def _decided(votes: Mapping[str, Mapping[str, Sequence[str]]], classes: Sequence[str]) -> str:
    """Return the class of a picture, or why it has none. votes: {reader: {class: models whose verdicts say so}}."""
    if contradictions := list(_contradictions(votes)):
        return "; ".join(contradictions)
    readers: dict[str, list[str]] = defaultdict(list)
    for reader, of_reader in votes.items():
        for name in of_reader:
            readers[name].append(reader)
    if not readers:
        return "called wrong, and no class is named"
    best = max(readers, key=lambda name: len(readers[name]))
    if 2 * len(readers[best]) <= sum(map(len, readers.values())):
        told = ", ".join(f"{name} ({', '.join(who)})" for name, who in sorted(readers.items()))
        return f"no class has a majority: {told}"
    return best if best in classes else f"{best} is no class of this study"


def _contradictions(votes: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[str]:
    for reader, of_reader in votes.items():
        if len(of_reader) > 1:
            told = ", ".join(f"{name} by {', '.join(models)}" for name, models in sorted(of_reader.items()))
            yield f"the verdicts of {reader} contradict each other: {told}"
