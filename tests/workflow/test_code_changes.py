"""What runs again after an edit of the library: what its imports say, and no more."""

import re

import pytest
from dermalign.study.digests import imported_modules
from dermalign.study.sources import KINDS

from .conftest import FEW_SOURCES, REPOSITORY, Copy

pytestmark = pytest.mark.slow  # tests/study/test_digests.py edits every module, without a study

SCRIPTS = REPOSITORY / "workflow_scripts"
# One model, and a source of each way to make maps: by a classifier, of maps, of maps and pictures.
OVERLAY = {
    "archives": {"drawn": {"training_pictures": 120, "evaluation_pictures": 20}},
    "models": {"residual": None, "plain": {"training": {"epochs": 1}}},
    "variants": {"patches": {"kind": "superpixels", "count": 30, "cells": 24}},
    **FEW_SOURCES,
    "faithfulness": {"pictures": 2, "steps": 2},
    "sanity": {"pictures": 2, "stages": 1},
    "thresholds": [0, 0.5],
    "batches": {"saliency": 1, "masks": 1},
}
MADE_OF = {"gradcam_plain_00000": "gradcam", "maps_plain_patches": "superpixels", "maps_plain_shuffled": "shuffled"}
# Rules that call functions of the registry.
CALLING = {**MADE_OF, "sanity_plain": "gradcam"}
# Rules that are not named after their script.
RUN_BY = {
    r"table\d|classifier_table|extended_\w+": "table",
    (
        r"jaccard_by_threshold|mean_curves|figure3|groups_figure|correlations_figure|ceilings_figure|methods_figure"
        r"|figure_sanity|confusion|roc|reliability|learning_curves"
    ): "figure",
    r"figure[1245]|extremes": "picture_figure",
    r"ceilings|ceiling_shares": "ceiling_statistics",
    r"audit_table": "audit",
    r"jaccard_\d": "jaccard",
    r"merge_exact": "merge_statistics",
    r"statistics_\w+": "source_statistics",
    r"control_statistics_\w+": "control_statistics",
    r"merge_controls": "merge_statistics",
    r"evaluation_predictions_\w+": "evaluation_predictions",
    r"(training|evaluation)_pictures": "stored_pictures",
    r"gradcam_\w+": "explain",
    r"maps_\w+": "map_source",
    r"sanity_\w+": "sanity",
    r"merge_sanity": "sanity_statistics",
    r"method_differences|method_runs": "method_statistics",
}

EXTENDED = {
    f"extended_{name}"
    for name in (
        *("thresholds", "best_thresholds", "groups", "controls", "mann_whitney", "localisation", "ceilings"),
        *("out_of_sample", "hypotheses", "methods", "faithfulness", "sanity", "challenge"),
    )
}
OF_MANIFEST = {"table1", "extended_features"}
TABLES = {"table2", "table4", "table6", *EXTENDED, *OF_MANIFEST, "classifier_table"}
DISTRIBUTIONS = {"figure3", "groups_figure", "correlations_figure"}
OF_CLASSIFIERS = {"confusion", "roc", "reliability", "learning_curves"}
FIGURES = {
    *("jaccard_by_threshold", "mean_curves", "ceilings_figure", "methods_figure", "figure_sanity"),
    *(*DISTRIBUTIONS, *OF_CLASSIFIERS),
}
PICTURES = {"figure1", "figure2", "figure4", "extremes"}
STATISTICS = {"overlap_curves", "jaccard_0", "statistics_plain", "merge_statistics"}
EXACT = {"exact_thresholds", "merge_exact"}
LOCALISATION = {"localisation", "localisation_statistics"}
FAITHFULNESS = {"faithfulness", "faithfulness_statistics"}
SANITY = {"sanity_plain", "merge_sanity", "extended_sanity", "figure_sanity"}
LAST = {"study_record", "report_page"}
# After the maps of any source, and after those of a model's first saliency method.
AFTER_ANY_MAPS = {
    *STATISTICS,
    *EXACT,
    *LOCALISATION,
    *FAITHFULNESS,
    *("jaccard_by_threshold", "mean_curves", "comparison", "ceiling_shares", "ceilings_figure"),
    *("method_differences", "methods_figure", "challenge_statistics"),
    *("group_tests", "groupings", "extended_groupings", "out_of_sample", "hypotheses"),
    *("control_statistics_plain", "merge_controls"),
    *(TABLES - OF_MANIFEST - SANITY - {"classifier_table"}),
    "explorer",
    *LAST,
}
AFTER_MAPS = {
    *AFTER_ANY_MAPS,
    "example",
    "correlations",
    "extended_correlations",
    *DISTRIBUTIONS,
    *PICTURES,
}
MAPS = {*MADE_OF, "gather_maps", "method_runs", "evaluation_predictions_plain"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A finished study, and the code that it was run by. What a test edits it puts back."""
    copy = Copy(tmp_path_factory.mktemp("study"))
    run = copy.snakemake(overlay=OVERLAY)
    assert run.status == 0, run.text[-3000:]
    assert copy.snakemake("-n", overlay=OVERLAY).jobs() == {}
    return copy


@pytest.fixture(scope="module")
def rules(study: Copy) -> set[str]:
    """The rules of the study."""
    return set(study.snakemake("-n", "--forceall", overlay=OVERLAY).jobs())


def depending_on(module: str, rules: set[str]) -> set[str]:
    """The rules whose script, or the function of whose map source, imports a module."""
    found = set()
    for rule in rules:
        script = next((script for names, script in RUN_BY.items() if re.fullmatch(names, rule)), rule)
        assert (SCRIPTS / f"{script}.py").is_file(), f"{rule}: say in RUN_BY which script it runs"
        modules = KINDS[CALLING[rule]].modules if rule in CALLING else []
        if module in imported_modules(SCRIPTS / f"{script}.py", *modules):
            found.add(rule)
    return found


def test_other_words_run_nothing(study: Copy) -> None:
    reworded = [
        ("data.archives", '"""Return a file\'s content; raises as `open`."""', '"""Give what is in a file."""'),
        ("data.archives", "there is no such archive", "no archive of this name is there"),
        ("classifiers.training", "Return one weight per class, (classes,),", "Give a weight to each class"),
        ("classifiers.fitting", "optimizer: must be sgd or adam", "optimizer: sgd or adam is possible"),
    ]
    for module, old, new in reworded:
        with study.edited(module, (old, new)):
            assert study.snakemake("-n", overlay=OVERLAY).jobs() == {}, (module, new)


@pytest.mark.parametrize(
    ("module", "old", "new", "listed"),
    [
        # Another name of a local variable: it is not looked into whether the code computes the same.
        ("saliency.gradcam", "weights", "means", {"gradcam_plain_00000", *MAPS, *AFTER_MAPS, *SANITY}),
        ("saliency.superpixels", "labels", "regions", {"maps_plain_patches", *AFTER_ANY_MAPS}),
        ("results.figures", '_label_below(figure, "threshold"', '_label_below(figure, "Threshold"', {*FIGURES, *LAST}),
        ("results.picture_figures", '"lesion"', '"segmentation"', {*PICTURES, *LAST}),
        ("results.provenance", '"jax",', '"jaxlib",', LAST),
        ("results.audit", '"not settled"', '"open"', {"audit_table", *LAST}),
        (
            "classifiers.picture_batches",
            "READ_AHEAD = 4",
            "READ_AHEAD = 5",
            {"train", "classifier_metrics", *MAPS, *AFTER_MAPS, *SANITY, *FIGURES, "classifier_table"},
        ),
        (
            "data.mask_counts",
            "shape[0], 255)",
            "shape[0], 200)",
            {
                *("mask_cells", "mask_table", "ceilings", "evaluation_manifest", "leakage_account"),
                "explorer_pictures",
                *(*OF_MANIFEST, "classifier_table", *AFTER_MAPS),
            },
        ),
    ],
)
def test_an_edit_runs_what_imports_it_and_what_follows(
    study: Copy, rules: set[str], module: str, old: str, new: str, listed: set[str]
) -> None:
    with study.edited(module, (old, new)):
        run = study.snakemake("-n", overlay=OVERLAY)
    assert set(run.jobs()) == listed
    expected = depending_on(module, rules)
    if "study_record" in expected:  # whose page is made anew for that reason, and Snakemake tells no second one
        expected.discard("report_page")
    assert run.changed() == expected != set()


def test_an_edited_template_renews_the_page_alone(study: Copy) -> None:
    path = study.library / "report" / "assets" / "report.css"
    before = path.read_text(encoding="utf-8")
    path.touch()
    assert study.snakemake("-n", overlay=OVERLAY).jobs() == {}
    path.write_text(before.replace("h2 {", "h2, h3 {"), encoding="utf-8")
    try:
        run = study.snakemake("-n", overlay=OVERLAY)
    finally:
        path.write_text(before, encoding="utf-8")
    assert set(run.jobs()) == run.changed() == {"report_page"}
