"""The index of a study's results, README.md: every kind of file in words, with links to what is there."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import write_text
from ..terms import UNION
from .provenance import models_in_words
from .words import in_words


@dataclass(frozen=True)
class Kind:
    """A kind of files: in which group it is told, what its paths match, in which words, and whether only as a folder.

    words: may name groups of the pattern in braces; empty where the file says itself what it is, as tables do. Files of
    one name that differ in their suffix are one line. depth: parts of the path that a folder's link has; 0: the file.
    """

    group: str
    pattern: str
    words: str
    depth: int = 0


MAIN, TABLES, BEYOND = "First", "Tables", "Tables beyond the paper"
FIGURES, STATISTICS, DATA = "Figures", "Statistics", "Data"
CLASSIFIERS, PICTURES, RUN = "Classifiers", "Per picture", "The run"
GROUPS = (MAIN, TABLES, BEYOND, FIGURES, STATISTICS, DATA, CLASSIFIERS, PICTURES, RUN)
# A file of a study that no pattern matches is none that the index can tell of: a test fails then.
KINDS = (
    Kind(MAIN, r"study\.json", "What this study was made from: configuration, versions, archives, seed, run times"),
    Kind(MAIN, r"README\.md", "This index"),
    Kind(TABLES, r"tables/table\d\.\w+", ""),
    Kind(TABLES, r"tables/(best_thresholds|groups)_(?P<model>\w+)\.\w+", ""),
    Kind(TABLES, r"tables/classifiers\.\w+", ""),
    Kind(TABLES, r"tables/comparison\.\w+", ""),
    Kind(TABLES, r"tables/audit\.\w+", ""),
    Kind(BEYOND, r"tables/extended_\w+\.\w+", ""),
    Kind(FIGURES, r"figures/figure1\.\w+", "Figure 1. The example: the picture, its lesion, its masks and their union"),
    Kind(FIGURES, r"figures/figure2\.\w+", "Figure 2. The example: what each model took it for, and its map"),
    Kind(FIGURES, r"figures/figure3\.\w+", "Figure 3. How J is distributed over the pictures of each feature"),
    Kind(FIGURES, r"figures/figure4\.\w+", "Figure 4. The example's map at each threshold, first model"),
    Kind(FIGURES, r"figures/figure5\.\w+", "Figure 5. The same, second model"),
    Kind(FIGURES, r"figures/thresholds_(?P<model>\w+)\.\w+", "The same, {model}"),
    Kind(FIGURES, r"figures/jaccard_by_threshold\.\w+", "Mean J against the threshold, beside the controls"),
    Kind(FIGURES, r"figures/mean_curves\.\w+", "The exact mean of J at every threshold, with quartiles"),
    Kind(FIGURES, r"figures/groups\.\w+", "How J of the union is distributed in each group"),
    Kind(
        FIGURES, r"figures/extremes_(?P<model>\w+)\.\w+", "The best, median and worst picture of each feature, {model}"
    ),
    Kind(
        FIGURES, r"figures/classifiers/(?P<model>\w+)_confusion\.\w+", "Confusion matrix on held-out pictures, {model}"
    ),
    Kind(FIGURES, r"figures/classifiers/(?P<model>\w+)_history\.\w+", "Learning curves, {model}"),
    Kind(STATISTICS, r"statistics/thresholds\.csv", "J at every threshold, per source and feature, with intervals"),
    Kind(STATISTICS, r"statistics/best_thresholds\.csv", "Its rows at the best thresholds"),
    Kind(STATISTICS, r"statistics/correctness\.csv", "J by group"),
    Kind(STATISTICS, r"statistics/mann_whitney\.csv", "Tests between groups"),
    Kind(STATISTICS, r"statistics/chance\.csv", "Differences to chance, picture by picture"),
    Kind(STATISTICS, r"statistics/exact_thresholds\.csv", "Best thresholds off the grid"),
    Kind(STATISTICS, r"statistics/mean_curves\.csv", "The exact mean of J at 1,001 thresholds"),
    Kind(STATISTICS, r"statistics/example\.csv", "Which picture the figures show, and why"),
    Kind(STATISTICS, r"statistics/models/.*", "The same tables, a folder per model", 2),
    Kind(DATA, r"manifest/training\.csv", "Training pictures and their split; why others were left out"),
    Kind(DATA, r"manifest/evaluation\.csv", "Evaluation pictures; why others are not in the analysis"),
    Kind(DATA, r"manifest/leakage\.csv", "Evaluation pictures among the training pictures, pair by pair"),
    Kind(DATA, r"manifest/leakage_summary\.csv", "The same in numbers"),
    Kind(DATA, r"manifest/archives\.csv", "The archives: size and SHA-256"),
    Kind(DATA, r"archives/.*", "Archives that this study drew", 1),
    Kind(DATA, r"hashes/.*", "Perceptual hashes of pictures", 1),
    Kind(DATA, r"pictures/.*", "Training pictures, decoded", 1),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/model\.\w+", "{model}: the classifier"),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/metrics\.csv", "{model}: metrics on held-out pictures"),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/history\.csv", "{model}: training, epoch by epoch"),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/predictions\.csv", "{model}: what it says of held-out pictures"),
    Kind(
        CLASSIFIERS,
        r"classifiers/(?P<model>\w+)/evaluation_predictions\.csv",
        "{model}: what it says of evaluation pictures",
    ),
    Kind(PICTURES, r"saliency/(?P<model>\w+)/(?P<method>\w+)/.*\.h5", "Saliency maps: {model}, {method}", 3),
    Kind(PICTURES, r"maps/.*\.h5", "Maps of each source in one file", 1),
    Kind(PICTURES, r"jaccard/(?P<model>\w+)/(?P<method>\w+)/.*\.csv", "J at each threshold: {model}, {method}", 3),
    Kind(PICTURES, r"jaccard/blocks\.json", "Which thresholds were computed together"),
    Kind(PICTURES, r"exact/.*\.csv", "Best thresholds off the grid, picture by picture", 1),
    Kind(PICTURES, r"curves/.*\.h5", "J as a step function", 1),
    Kind(PICTURES, r"cells/.*\.h5", "White pixels of the masks in each cell of a map", 1),
    Kind(
        PICTURES, r"challenge/(?P<model>\w+)/(?P<method>\w+)/.*", "Submission to ISIC 2018 Task 2: {model}, {method}", 3
    ),
    Kind(RUN, r"logs/.*", "A log per job", 1),
    Kind(RUN, r"benchmarks/.*", "Run time and memory per job", 1),
)


def kind_of(path: str) -> Kind | None:
    """Return the kind of a file by its path in the folder of results, None for one that the index does not know."""
    return next((kind for kind in KINDS if re.fullmatch(kind.pattern, path)), None)


def files_of(results: str | Path) -> list[str]:
    """Return the paths of all finished files below the folder of a study's results, sorted; hidden ones are not."""
    paths = (path.relative_to(results) for path in Path(results).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))


def index_page(
    results: str | Path, record: Mapping[str, Any], best_thresholds: pd.DataFrame, method: str, more: Iterable[str] = ()
) -> str:
    """Return the index as Markdown, links relative to the folder of results.

    results: the folder. record: as `provenance.study_record`. best_thresholds: statistics/best_thresholds.csv. method:
    the first saliency method, whose best thresholds are shown. more: files that are being written.
    """
    models = list(record["configuration"]["models"])
    analysed, evaluated = record["pictures"]["analysed"], record["pictures"]["evaluation"]
    commit = f"{(record['commit'] or 'unknown')[:12]}{' with changes' if record['changed'] else ''}"
    lines = [
        f"# Results of the study {record['study']}",
        "",
        f"How far do saliency maps of {models_in_words(models)} coincide with features that dermatologists look for? "
        f"{analysed:,} of {evaluated:,} evaluation pictures are in the analysis. Written {record['written'][:10]} by "
        f"dermalign {record['versions']['dermalign']}, commit {commit}.",
        "",
        *_best_lines(best_thresholds, models, method),
    ]
    files = sorted({*files_of(results), *more})
    if "figures/jaccard_by_threshold.png" in files:
        lines += ["", "![Mean Jaccard index against the threshold](figures/jaccard_by_threshold.png)"]
    by_group: dict[str, dict[str, list[str]]] = {group: {} for group in GROUPS}
    for path in sorted(files, key=lambda path: (_place(path), path)):
        kind = kind_of(path)
        if kind is None:
            continue
        link = "/".join(path.split("/")[: kind.depth]) + "/" if kind.depth else path
        key = link if kind.depth else link.rpartition(".")[0] or link
        words = _words(kind, path, results)
        found = by_group[kind.group].setdefault(key, [words])
        if link not in found:
            found.append(link)
    for group, entries in by_group.items():
        if entries:
            lines += ["", f"## {group}", ""]
        for words, *links in entries.values():
            lines.append(f"- {words}: {', '.join(f'[{_name(link)}]({link})' for link in links)}")
    return "\n".join([*lines, ""])


def write_index(path: str | Path, page: str) -> None:
    """Write the index, whole or not at all."""
    write_text(path, page)


def _place(path: str) -> int:
    return next((place for place, kind in enumerate(KINDS) if re.fullmatch(kind.pattern, path)), len(KINDS))


def _name(link: str) -> str:
    return link if link.endswith("/") else link.rpartition("/")[2]


def _words(kind: Kind, path: str, results: str | Path) -> str:
    if kind.words:
        match = re.fullmatch(kind.pattern, path)
        return kind.words.format(
            **{name: in_words(word) for name, word in (match.groupdict() if match else {}).items()}
        )
    caption = (Path(results) / path).with_suffix(".md")
    first = caption.read_text(encoding="utf-8").split("\n", 1)[0] if caption.is_file() else ""
    sentence = re.match(r"(?:Table \d+\. )?.+?(?=\.(?: |$)|: U )", first)
    return sentence[0] if sentence else in_words(Path(path).stem)


def _best_lines(best_thresholds: pd.DataFrame, models: Sequence[str], method: str) -> list[str]:
    """Return the best thresholds as a small table: a row per feature, a column per model."""
    of_method = best_thresholds[(best_thresholds["method"] == method) & best_thresholds["model"].isin(models)]
    cells = {
        (row["model"], row["feature"]): "-"
        if pd.isna(row["threshold"])
        else f"{row['j_mean']:.3f} at {row['threshold']}"
        for row in of_method.to_dict("records")
    }
    features = list(dict.fromkeys(of_method["feature"]))
    lines = [f"| highest mean J ({in_words(method)}) | {' | '.join(models)} |", "|---" * (len(models) + 1) + "|"]
    for feature in features:
        name = f"**{in_words(feature)}**" if feature == UNION else in_words(feature)
        lines.append(f"| {name} | {' | '.join(cells.get((model, feature), '-') for model in models)} |")
    return lines
