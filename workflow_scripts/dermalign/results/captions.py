"""The captions of the tables: at most three short sentences each, from plain values of a study.

What words mean stands in docs/method.md. What trained the classifiers is said once: in the caption of their own table,
or, in a study without one, in those of the tables that they bear on first.
"""

from collections.abc import Iterable, Sequence

from .sanity import ALIKE
from .words import in_words

# Filled in by the script, which knows the manifest.
PICTURES = "[pictures]"
KEPT_OUT = {
    "exclude": (
        "Evaluation pictures and other pictures of their lesions were kept out of training by name (leakage: exclude)"
    ),
    "exclude_content": (
        "Evaluation pictures, other pictures of their lesions and pictures that look like them were kept out of "
        "training (leakage: exclude_content)"
    ),
    "allow": "Evaluation pictures may have trained the classifiers (leakage: allow)",
}

# What intervals resample, by the word of the configuration; a picture of no known lesion or patient is its own.
UNITS = {
    "lesion": "lesion, as far as lesions are known",
    "patient": "patient, as far as patients are known",
    "picture": "picture",
}
CHOSEN = "; the threshold is chosen anew in each resample"


def table1(diagnoses: Iterable[str]) -> str:
    """Return the caption of table 1, with a place for the number of pictures. diagnoses: those of its pictures."""
    return f"Table 1. Masks that are not black, of {PICTURES} evaluation pictures ({', '.join(diagnoses)})."


def best_thresholds(number: int | None, model: str, trained: str = "") -> str:
    """Return the caption of table 2 or 3, or of the like of a further model, which has no number.

    trained: what is to be said of the pictures that trained a model that is brought along, as `brought`.
    """
    what = f"{model}: each feature's best threshold, and the Jaccard index (J) over its pictures there."
    return _sentences(_title(number, what), trained)


def groups(number: int | None, model: str, names: Iterable[str] | None) -> str:
    """Return the caption of table 4 or 5, or of the like of a further model, which has no number.

    names: of the groups that the study defines, None where it defines none.
    """
    by = "diagnosis and correctness" if names is None else f"group ({', '.join(names)})"
    return _title(number, f"{model}: Jaccard index (J) of the union by {by}.")


def table6(names: Iterable[str] | None) -> str:
    """Return the caption of table 6. names: as `groups`."""
    between = "correctly and wrongly classified pictures" if names is None else "groups"
    return (
        f"Table 6. Mann-Whitney U tests on J of the union between {between}, at its best threshold. "
        "U is of the first group; p is two-sided and not corrected for the number of tests."
    )


def classifiers(test_share: float, leakage: str, brought: Sequence[str]) -> str:
    """Return the caption of the classifiers' table, to which the script adds how many analysed pictures train.

    test_share: of the training pictures that are held out, 0 to 1. leakage: the setting. brought: the classifiers that
    are brought along.
    """
    unknown = f"; what trained {', '.join(brought)} is unknown" if brought else ""
    return (
        f"Classifiers on held-out pictures, {test_share:.0%} of the training pictures; intervals are bootstrapped by "
        f"lesion. {KEPT_OUT[leakage]}{unknown}."
    )


def brought(models: Sequence[str]) -> str:
    """Return what is said of classifiers that are brought along in a study without training pictures."""
    return f"Which pictures trained {', '.join(models)} is unknown." if models else ""


def extended_features() -> str:
    """Return the caption of the table of features by diagnosis."""
    return "Evaluation pictures that show each feature, by diagnosis."


def extended_thresholds(resampled_by: str) -> str:
    """Return the caption of the table of all thresholds. resampled_by: lesion, patient or picture."""
    return _sentences("Jaccard index (J) of the union at every threshold.", _intervals(resampled_by))


def extended_best_thresholds(resampled_by: str) -> str:
    """Return the caption of the table of all sources' best thresholds; resampled_by as `extended_thresholds`."""
    return _sentences(
        "Best threshold of every source for each feature, and the Jaccard index (J) there.",
        _intervals(resampled_by, CHOSEN),
    )


def extended_groups(names: Iterable[str] | None, resampled_by: str) -> str:
    """Return the caption of the table of all sources by group; arguments as `groups` and `extended_thresholds`."""
    by = "diagnosis and correctness" if names is None else f"group ({', '.join(names)})"
    return _sentences(f"Jaccard index (J) of the union by {by}, all sources.", _intervals(resampled_by, CHOSEN))


def extended_controls(resampled_by: str) -> str:
    """Return the caption of the table of controls; resampled_by as `extended_thresholds`."""
    return _sentences(
        "Mean Jaccard index (J) of each source at its best threshold, minus that of its controls on the same pictures.",
        "A control is as white on each picture as the source's map is, or at its own best threshold.",
        _intervals(resampled_by, CHOSEN),
    )


def extended_out_of_sample(folds: int, repeats: int, resampled_by: str) -> str:
    """Return the caption of the table of J out of sample; resampled_by as `extended_thresholds`."""
    return _sentences(
        "Mean Jaccard index (J) at the threshold that the same pictures chose (in sample), and where others chose it.",
        f"Out of sample: {repeats} times {folds} folds; optimism is the difference.",
        _intervals(resampled_by),
    )


def extended_hypotheses(resampled_by: str) -> str:
    """Return the caption of the table of hypotheses; resampled_by as `extended_thresholds`."""
    return _sentences(
        "The paper's hypotheses: mean Jaccard index (J) of the first minus that of the second.",
        _intervals(resampled_by, CHOSEN),
        "Supported or contradicted: the interval excludes 0.",
    )


def extended_mann_whitney(resampled_by: str) -> str:
    """Return the caption of the table of all tests; resampled_by as `extended_thresholds`."""
    return _sentences(
        "Mann-Whitney U tests on J of the union between every two groups; U is of the first one.",
        "p is two-sided, and adjusted (Holm) within the family of tests of all models; the rank-biserial correlation "
        "is above 0 where the first group's J is larger.",
        _intervals(resampled_by),
    )


def extended_groupings(resampled_by: str) -> str:
    """Return the caption of the table of groupings by other columns; resampled_by as `extended_thresholds`."""
    return _sentences(
        "Jaccard index (J) of the union by what else is known of the pictures, at its best threshold.",
        _intervals(resampled_by),
        "p and its effect size are of a Kruskal-Wallis test between the levels that are known.",
    )


def extended_correlations(resampled_by: str) -> str:
    """Return the caption of the table of rank correlations; resampled_by as `extended_thresholds`."""
    return _sentences(
        "Spearman's rank correlation of J, at each feature's best threshold, with what else is known of a picture.",
        _intervals(resampled_by),
    )


def extended_localisation() -> str:
    """Return the caption of the table of localisation measures, the policies in short."""
    return (
        "Localisation of each feature by every source, without a threshold, over the pictures that show it. "
        "A constant map misses in the pointing game; elsewhere it has the white share of the picture, as ROC AUC 0.5. "
        "Undefined are relevance mass for a map of zeros and ROC AUC for a mask that is white everywhere."
    )


def extended_faithfulness(pictures: int, resampled_by: str) -> str:
    """Return the caption of the table of faithfulness; pictures: at most so many; resampled_by as above."""
    return _sentences(
        "Mean probability of the predicted class while the most salient pixels are blacked out first (deletion) or put "
        f"back first (insertion), on at most {pictures:,} pictures.",
        "A low deletion and a high insertion area are faithful; a control that does as well says that the map explains "
        "no more of the prediction than it does.",
        _intervals(resampled_by),
    )


def extended_sanity(pictures: int, resampled_by: str, left_out: Sequence[str]) -> str:
    """Return the caption of the table of the sanity check; resampled_by as `extended_thresholds`.

    pictures: of the sample. left_out: the models whose weights cannot be randomised.
    """
    without = f"; left out is {', '.join(left_out)}, with constants for weights" if left_out else ""
    return _sentences(
        f"How alike each method's maps of {pictures} pictures stay while the classifier's weights are randomised, "
        "last layers first.",
        f"Hardly changes: with all layers random, the interval of the rank correlation is above {ALIKE:g}; SSIM is of "
        "windows of 7 x 7 cells, or the most that fit.",
        _intervals(resampled_by, without),
    )


def extended_readers(resampled_by: str) -> str:
    """Return the caption of the table of readers; resampled_by as `extended_thresholds`."""
    return _sentences(
        "How far readers agree with each other and with the masks of the study, beside the models' maps on the same "
        "pictures.",
        "Left out: pictures on which both masks are black, or whose right class is not named.",
        _intervals(resampled_by),
    )


def extended_ceilings(resampled_by: str) -> str:
    """Return the caption of the table of ceilings; resampled_by as `extended_thresholds`."""
    return _sentences(
        "The Jaccard index (J) at each source's best threshold, as a share of the most that maps of its grid could "
        "reach.",
        _intervals(resampled_by, CHOSEN),
    )


def extended_reference(resampled_by: str, folds: int) -> str:
    """Return the caption of the table of the upper reference; resampled_by as above; folds: of the networks."""
    return _sentences(
        "The Jaccard index (J) at each source's best threshold, as a share of a segmentation network's at its own.",
        f"Each picture was segmented by the network of {folds} that was trained on neither it nor its copies.",
        _intervals(resampled_by, CHOSEN),
    )


def extended_challenge(resampled_by: str) -> str:
    """Return the caption of the table of the two aggregations; resampled_by as `extended_thresholds`."""
    return _sentences(
        "Two aggregations of the Jaccard index at each feature's best threshold: the mean over pictures (the paper's), "
        "and the ratio of sums (ISIC's) over the same masks and over all, black ones included.",
        "Published values of the ISIC 2018 challenge are of the last kind, over its own test pictures, and comparable "
        "with no other.",
        _intervals(resampled_by, ", thresholds as given"),
    )


def extended_methods(resampled_by: str, first: str) -> str:
    """Return the caption of the table of saliency methods; resampled_by as `extended_thresholds`, first: the method."""
    return _sentences(
        "The saliency methods beside each other: the Jaccard index (J) at each one's best threshold, as a share of the "
        f"most that maps of its grid could reach, and minus that of {in_words(first)} on the pictures that both have "
        "maps of.",
        "Seconds are the wall time of the jobs by their pictures, all methods together that share a pass through the "
        "classifier; they differ from run to run.",
        _intervals(resampled_by, CHOSEN),
    )


def comparison() -> str:
    """Return the caption of the comparison with published values, to which the script adds which models they are of."""
    return "Published values beside ours. The groups of tables 4 and 5 are at their own best thresholds, as printed."


def audit() -> str:
    """Return the caption of the audit."""
    return (
        "The published values against each other. A number counts as known to within its printed digits, so that what "
        "cannot all be true cannot be so however it was rounded."
    )


def _intervals(resampled_by: str, how: str = "") -> str:
    return f"Intervals are bootstrapped by {UNITS[resampled_by]}{how}."


def _title(number: int | None, text: str) -> str:
    return text if number is None else f"Table {number}. {text}"


def _sentences(*parts: str) -> str:
    return " ".join(filter(None, parts))
