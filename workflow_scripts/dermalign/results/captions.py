"""The captions of the tables: sentences from plain values of a study."""

from collections.abc import Iterable, Sequence

KEPT_OUT = {
    "exclude": (
        "Evaluation pictures, and other pictures of their lesions, were kept out of training by their names "
        "(leakage: exclude)."
    ),
    "exclude_content": (
        "Evaluation pictures, other pictures of their lesions and pictures that look like them were kept out of "
        "training (leakage: exclude_content)."
    ),
    "allow": "Evaluation pictures may have trained the classifiers (leakage: allow).",
}
NO_GROUPS = "Empty: no map source of this study has predictions, so there are no groups."


def sentences(*parts: str) -> str:
    """Return parts of a caption as one text; those that are empty are left out."""
    return " ".join(filter(None, parts))


def training(leakage: str | None, brought: Sequence[str]) -> str:
    """Return what every caption says of the pictures that trained the classifiers.

    leakage: the setting, None in a study without training pictures. brought: the classifiers that are brought along.
    """
    unknown = f"Which pictures trained {', '.join(brought)} is unknown: brought along." if brought else ""
    return sentences(KEPT_OUT[leakage] if leakage else "", unknown)


def overlap(methods: Sequence[str], chance: Sequence[str], of_training: str) -> str:
    """Return what the captions of tables 2 to 5 share: how J is computed and what their rows of chance are.

    methods: the saliency methods, of which the first is compared with chance. chance: the chance methods, or none.
    of_training: as `training`.
    """
    difference = (
        f"Rows of {', '.join(chance)} are chance; difference: J of {methods[0]} minus theirs, mean over the same "
        "pictures."
        if methods and chance
        else ""
    )
    how = (
        "Maps scaled up by nearest neighbour; J in pixels of the full-size picture; means over pictures; SD with n - 1."
    )
    return sentences(how, difference, of_training)


def table1(of_training: str) -> str:
    """Return the caption of table 1. of_training: as `training`."""
    return sentences("Table 1. Evaluation pictures that show each feature, by diagnosis.", of_training)


def table2(of_overlap: str) -> str:
    """Return the caption of table 2. of_overlap: as `overlap`."""
    return sentences("Table 2. Jaccard index of the union of features by threshold.", of_overlap)


def table3(of_overlap: str) -> str:
    """Return the caption of table 3. of_overlap: as `overlap`."""
    return sentences("Table 3. Best threshold of the grid per feature and the Jaccard index there.", of_overlap)


def table4(models: Sequence[str], groups: Iterable[str] | None, of_overlap: str) -> str:
    """Return the caption of table 4, which is of the first model.

    models: those with predictions, in order. groups: those that the study defines, None where it defines none.
    of_overlap: as `overlap`.
    """
    return _by_group(4, models[:1], groups, of_overlap, NO_GROUPS)


def table5(models: Sequence[str], groups: Iterable[str] | None, of_overlap: str) -> str:
    """Return the caption of table 5, which is of the other models; arguments as `table4`."""
    return _by_group(5, models[1:], groups, of_overlap, "Empty: there is no second model." if models else NO_GROUPS)


def _by_group(
    number: int, models: Sequence[str], groups: Iterable[str] | None, of_overlap: str, without_models: str
) -> str:
    by = "diagnosis and correctness" if groups is None else f"group ({', '.join(groups)})"
    title = f"Table {number}. " + ", ".join([f"Jaccard index of the union by {by}", *models]) + "."
    return sentences(title, "" if models else without_models, of_overlap)


def table6(models: Sequence[str], of_training: str) -> str:
    """Return the caption of table 6. models: those with predictions. of_training: as `training`."""
    tests = (
        "Table 6. Mann-Whitney tests between groups, on the union: U of the first-named, p two-sided, not corrected "
        "for the number of tests; test: exact where a group has at most 8 pictures and no two values of J are equal, "
        "else asymptotic, corrected for ties and continuity."
    )
    return sentences(tests, "" if models else NO_GROUPS, of_training)


def classifiers(test_share: float, of_training: str) -> str:
    """Return the caption of the classifiers' table.

    test_share: of the training pictures that are held out, 0 to 1. of_training: as `training`.
    """
    return sentences(
        f"Classifiers on held-out pictures: the split test, {test_share:.0%} of the training pictures with lesions "
        "kept whole, which neither trained nor chose the epoch. Per class against the rest; low and high: 95 % "
        "bootstrap intervals by lesion; published: as the configuration gives it.",
        of_training,
    )
