"""The results of a small study, as the report takes them: two models, every table, and figures as matplotlib draws."""

import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pandas as pd
import pytest
from dermalign.report.study_results import StudyResults
from dermalign.results.formats import readable
from matplotlib import rc_context
from matplotlib.figure import Figure

MODELS = ["plain", "residual"]
FIGURES = ("figures/figure1", "figures/jaccard_by_threshold", "figures/classifiers/plain_roc")


@cache
def drawn(title: str) -> str:
    """Return a figure as SVG, with glyphs, markers, a clipped line and an image, which all have ids."""
    with rc_context({"svg.hashsalt": "dermalign"}):
        figure = Figure(figsize=(3, 2))
        axis, other = figure.subplots(1, 2)
        axis.plot([0, 1], [0, 1], marker="o")
        axis.set_title(title)
        other.imshow([[0, 1], [1, 0]])
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def rows(columns: str, *values: tuple[Any, ...], more: Sequence[str] = ()) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[*columns.split(), *more])


def tables_of(models: list[str]) -> dict[str, pd.DataFrame]:
    """Return tables with the columns that the report's sentences are computed from, each model with its own numbers."""
    first, *_ = models
    nan = float("nan")
    found = {
        "table1": rows("globules union", (3, 5)),
        "table6": rows(
            "model versus n_first n_second u p",
            *((model, "MEL-correct vs MEL-wrong", 2, 3, 4.0, 0.0004) for model in models),
        ),
        "classifiers": rows(
            "metric class pictures",
            ("accuracy", "all", 80, *(0.8, 0.7, 0.9) * len(models)),
            ("roc_auc", "MEL", 13, *(0.9, nan, nan) * len(models)),
            more=[f"{model}_{end}" for model in models for end in ("value", "low", "high")],
        ),
        "extended_best_thresholds": rows(
            "model feature method n threshold j_mean j_low j_high",
            *((model, "globules", "gradcam", 3, "0.300", 0.1, 0.05, 0.2) for model in models),
            *((model, "streaks", "gradcam", 2, "0.300", 0.05, 0.01, 0.2) for model in models),
            *((model, "union", "gradcam", 5, "0.400", 0.25, 0.2, 0.3) for model in models),
            ("unet", "union", "segmentation", 5, "0.600", 0.5, 0.45, 0.55),
            ("controls", "union", "all_white", 5, None, 0.9, 0.8, 1.0),
        ),
        "extended_reference": rows(
            "reference feature model method share_value share_low share_high",
            *(
                ("unet/segmentation", feature, model, "gradcam", share, share - 0.1, share + 0.1)
                for feature, share in (("globules", 0.2), ("union", 0.5))
                for model in models
            ),
            ("unet/segmentation", "union", "controls", "all_white", 1.8, 1.7, 1.9),
        ),
        "extended_challenge": rows(
            "feature model method threshold n_shown j_mean shown_value n_all all_value all_low all_high",
            *(("micro_average", model, "gradcam", None, 7, 0.2, 0.2, 10, 0.1, 0.05, 0.15) for model in models),
            ("micro_average", "unet", "segmentation", None, 7, 0.3, 0.3, 10, 0.4, 0.35, 0.45),
            ("micro_average", "first of ISIC 2018", "", None, None, nan, nan, None, 0.307, nan, nan),
            *(("union", model, "gradcam", "0.400", 5, 0.25, 0.3, None, nan, nan, nan) for model in models),
            ("union", "unet", "segmentation", "0.600", 5, 0.5, 0.5, None, nan, nan, nan),
        ),
        "extended_controls": rows(
            "model method feature control kind difference_value difference_low difference_high",
            *((model, "gradcam", "union", "shuffled", "chance", 0.05, 0.01, 0.09) for model in models),
            (first, "gradcam", "union", "mean_mask", "prior", -0.02, -0.04, 0.001),
            (first, "gradcam", "globules", "mean_mask", "prior", -0.5, -0.6, -0.4),
        ),
        "extended_ceilings": rows(
            "model method grid feature share_value share_low share_high",
            *((model, "gradcam", "16x8", "union", 0.5, 0.4, 0.6) for model in models),
        ),
        "extended_groups": rows(
            "model at group method threshold n j_mean",
            *(
                (model, "best of union", group, "gradcam", "0.400", n, j)
                for model in models
                for group, n, j in (("MEL-correct", 2, 0.3), ("MEL-wrong", 3, 0.2), ("NV-wrong", 0, nan))
            ),
        ),
        "extended_mann_whitney": rows(
            "model method at first second n_first n_second u p",
            *(
                (model, "gradcam", "best of union", "MEL-correct", second, 2, 3, 4.0, 0.0004)
                for model in models
                for second in ("MEL-wrong", "NV-correct")
            ),
        ),
        "extended_hypotheses": rows(
            "hypothesis model result",
            *(("finer maps overlap better", first, each) for each in ("supported", "undecided", "supported")),
        ),
        "extended_methods": rows(
            "model feature method n j_value j_low j_high versus_first_value versus_first_low versus_first_high",
            *((model, "union", "gradcam", 5, 0.25, 0.2, 0.3, nan, nan, nan) for model in models),
            (first, "union", "rise", 4, 0.3, 0.2, 0.4, 0.04, -0.01, 0.09),
        ),
        "extended_sanity": rows(
            "model method layers_randomised flag",
            (first, "gradcam", "1 of 2", None),
            (first, "gradcam", "2 of 2", "changes"),
            (first, "rise", "2 of 2", "hardly changes"),
        ),
        "extended_faithfulness": rows(
            "model part method deletion_high insertion_low",
            (first, "areas", "gradcam", 0.5, 0.5),
            (first, "Grad-CAM minus control", "shuffled", -0.1, 0.1),
            (first, "Grad-CAM minus control", "controls/all_white", 0.1, 0.2),
        ),
        "extended_out_of_sample": rows(
            "model feature method out_value out_low out_high",
            *((model, "union", "gradcam", 0.24, 0.19, 0.29) for model in models),
        ),
        "comparison": rows(
            "table row column published ours low high",
            ("table 2", "union", "j_mean", 0.14, 0.25, 0.2, 0.3),
            ("table 2", "globules", "j_mean", 0.1, 0.1, 0.05, 0.2),
            ("table 1", "globules", "pictures", 601.0, nan, nan, nan),
        ),
        "audit": rows("check verdict", ("a sum", "agrees"), ("a mean", "agrees"), ("a size", "cannot all be true")),
    }
    return {f"tables/{name}": table for name, table in found.items()}


def evaluation() -> pd.DataFrame:
    reasons = ["", "", "", "no mask shows a feature", "its diagnosis BKL is not one of MEL NV"]
    return pd.DataFrame({"image": list("abcde"), "included": [not reason for reason in reasons], "reason": reasons})


def training() -> pd.DataFrame:
    splits = ["train", "train", "validation", "test", "excluded"]
    reasons = ["is an evaluation picture" if split == "excluded" else "" for split in splits]
    return pd.DataFrame({"image": list("fghij"), "split": splits, "reason": reasons})


def leakage() -> pd.DataFrame:
    counts = [(split, by, 1, 1, 1, 1, 2, 3) for split in ("train", "excluded") for by in ("name", "content", "any")]
    columns = "split by pictures lesions analysed_pictures analysed_lesions training_pictures analysis"
    return pd.DataFrame(counts, columns=columns.split())


@pytest.fixture
def results() -> Callable[..., StudyResults]:
    """A function: the results of a study of models, without some tables, with other words in the record."""

    def of(
        models: list[str] = MODELS,
        without: tuple[str, ...] = (),
        trains: bool = True,
        more: dict[str, pd.DataFrame] | None = None,
        folds: pd.DataFrame | None = None,
        **changes: Any,
    ) -> StudyResults:
        tables = {**tables_of(models), **(more or {})}
        tables = {path: table for path, table in tables.items() if path.removeprefix("tables/") not in without}
        configuration = {
            "study": "small",
            "archives": {"training_metadata": None, "drawn": {"training_pictures": 5}},
            "features": ["globules", "milia_like_cyst"],
            "models": {model: {} for model in models},
            "segmentation": {"folds": 2, "networks": {"unet": {}}},
            "methods": {"gradcam": {}},
            "thresholds": {"start": 0, "stop": 1, "step": 0.1},
            "leakage": "exclude",
            "resampled_by": "lesion",
            "seed": 7,
        }
        record = {
            "study": "small",
            "written": "2026-01-02T03:04:05+00:00",
            "commit": "0123456789abcdef",
            "changed": True,
            "versions": {"dermalign": "0.1.0"},
            "backend": "tensorflow",
            "archives": [{"key": "archives.evaluation_masks", "path": "m.zip", "bytes": 1234, "sha256": "ab"}],
            "classifiers": {model: {"path": f"classifiers/{model}/model.keras", "sha256": "cd"} for model in models},
            "networks": {"unet": [{"path": "segmentation/unet/fold_1/model.keras", "sha256": "ef"}]},
            "published": None,
            "times": {
                "seconds": 75.0,
                "jobs": 1200,
                "job_seconds": 150.0,
                "by_step": {"train": {"jobs": 2, "job_seconds": 75.0, "ended": "2026-01-02T03:04:04+00:00"}},
            },
            **changes,
            "configuration": {**configuration, **changes.get("configuration", {})},
        }
        runs = rows(
            "model method maps degenerate seconds",
            *((model, "gradcam", 5, number, 0.5) for number, model in enumerate(models)),
        )
        return StudyResults(
            record=record,
            evaluation=evaluation(),
            training=training() if trains else None,
            leakage=leakage() if trains else None,
            folds=folds,
            runs=runs,
            tables=tables,
            shown={path: readable(table) for path, table in tables.items()},
            captions=dict.fromkeys(tables, "Table 1. What it is, in <b>bold</b>. More of it."),
            figures={path: drawn(path) for path in FIGURES},
        )

    return of
