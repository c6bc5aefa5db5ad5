"""The index of a study's results, README.md: every kind of file in words, with links to what is there.

A new kind of file is a line of `KINDS`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from ..files import write_text
from ..study.durations import duration
from ..study.sources import CEILING, CONTROL_OWNER, CONTROLS, READER_OWNER, SEGMENTATION, all_methods, kinds_of
from ..study.study import Study
from ..terms import UNION
from .provenance import read_record
from .statistics import read_statistics
from .words import in_words


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    group: the heading below which it stands. pattern: of the whole path in the folder of results; what it calls
    `model`, `method` and `reader` are names of the configuration. words: may name groups of the pattern in braces;
    empty where the file says itself what it is, as tables do in their captions. Files of one name that differ in their
    suffix are one line.
    depth: parts of the path of the folder that stands for all files of the kind in it; 0 where each file is told.
    """

    group: str
    pattern: str
    words: str
    depth: int = 0


REPORT = "Report and explorer"
TABLES, BEYOND, FIGURES, STATISTICS = "Tables", "Tables beyond the paper", "Figures", "Statistics"
CLASSIFIERS, DATA, READERS = "Classifiers", "Pictures and archives", "Readers"
PICTURES, RUN = "Per picture", "The run"
OTHERS = "Other files"
GROUPS = (REPORT, TABLES, BEYOND, FIGURES, STATISTICS, CLASSIFIERS, DATA, READERS, PICTURES, RUN, OTHERS)
# In their order; of a path the first that matches it. A file of a run that none matches makes a test fail.
KINDS = (
    Kind(REPORT, r"report/index\.html", "What was asked, what came of it, and from what: to be opened in a browser"),
    Kind(
        REPORT, r"explorer/index\.html", "Every picture with its maps and masks, and J at any threshold: in a browser"
    ),
    Kind(REPORT, r"explorer/selection\.html", "The same of some pictures, with all in one file, to be sent by mail"),
    Kind(REPORT, r"explorer/.*", "What the explorer's page is made of: copy the folder whole", 1),
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
    Kind(FIGURES, r"figures/figure5\.\w+", "Figure 5. The example's map at each threshold, second model"),
    Kind(FIGURES, r"figures/thresholds_(?P<model>\w+)\.\w+", "The example's map at each threshold, {model}"),
    Kind(FIGURES, r"figures/jaccard_by_threshold\.\w+", "Mean J against the threshold, beside the controls"),
    Kind(FIGURES, r"figures/mean_curves\.\w+", "The exact mean of J at every threshold, with quartiles"),
    Kind(FIGURES, r"figures/ceilings\.\w+", "The best J that maps of so many cells could have, and the models' own"),
    Kind(FIGURES, r"figures/reference\.\w+", "What a segmentation network reaches, and what all else reaches of it"),
    Kind(FIGURES, r"figures/methods\.\w+", "The saliency methods beside each other, and what a picture costs"),
    Kind(FIGURES, r"figures/sanity\.\w+", "How alike maps stay while the classifier's weights are randomised"),
    Kind(FIGURES, r"figures/groups\.\w+", "How J of the union is distributed in each group"),
    Kind(FIGURES, r"figures/correlations\.\w+", "What J goes along with: rank correlations"),
    Kind(
        FIGURES, r"figures/extremes_(?P<model>\w+)\.\w+", "The best, median and worst picture of each feature, {model}"
    ),
    Kind(
        FIGURES, r"figures/classifiers/(?P<model>\w+)_confusion\.\w+", "Confusion matrix on held-out pictures, {model}"
    ),
    Kind(FIGURES, r"figures/classifiers/(?P<model>\w+)_roc\.\w+", "ROC curve of each class against the rest, {model}"),
    Kind(FIGURES, r"figures/classifiers/(?P<model>\w+)_reliability\.\w+", "Right predictions by confidence, {model}"),
    Kind(FIGURES, r"figures/classifiers/(?P<model>\w+)_history\.\w+", "Learning curves, {model}"),
    Kind(STATISTICS, r"statistics/thresholds\.csv", "J at every threshold, per source and feature, with intervals"),
    Kind(STATISTICS, r"statistics/best_thresholds\.csv", "J at each feature's best threshold"),
    Kind(STATISTICS, r"statistics/correctness\.csv", "J of the groups of pictures"),
    Kind(STATISTICS, r"statistics/controls\.csv", "Differences of J to controls, paired by picture"),
    Kind(STATISTICS, r"statistics/mann_whitney\.csv", "Mann-Whitney tests between groups, with effect sizes"),
    Kind(STATISTICS, r"statistics/group_tests\.csv", "Other tests between groups"),
    Kind(STATISTICS, r"statistics/groupings\.csv", "J of the union by columns of the metadata and by confidence"),
    Kind(STATISTICS, r"statistics/correlations\.csv", "Rank correlations of J with what else is known of a picture"),
    Kind(STATISTICS, r"statistics/out_of_sample\.csv", "J at thresholds that other lesions chose, with the optimism"),
    Kind(STATISTICS, r"statistics/hypotheses\.csv", "What the study says to the paper's hypotheses"),
    Kind(STATISTICS, r"statistics/exact_thresholds\.csv", "Best thresholds off the grid"),
    Kind(STATISTICS, r"statistics/mean_curves\.csv", "Exact mean of J at 1,001 thresholds, with quartiles"),
    Kind(STATISTICS, r"statistics/localisation\.csv", "Where maps point, without a threshold, with intervals"),
    Kind(STATISTICS, r"statistics/faithfulness\.csv", "Whether maps lie where a model looks: deletion and insertion"),
    Kind(STATISTICS, r"statistics/sanity\.csv", "How alike maps stay while the classifier's weights are randomised"),
    Kind(STATISTICS, r"statistics/ceilings\.csv", "The best J that maps of each grid could have"),
    Kind(STATISTICS, r"statistics/ceiling_shares\.csv", "J as a share of the best that maps of its grid could have"),
    Kind(STATISTICS, r"statistics/reference_shares\.csv", "J as a share of that of the segmentation networks"),
    Kind(STATISTICS, r"statistics/challenge\.csv", "J as the ISIC challenge has it, a ratio of sums over all masks"),
    Kind(STATISTICS, r"statistics/method_differences\.csv", "J of each saliency method minus that of the first"),
    Kind(STATISTICS, r"statistics/method_runs\.csv", "What each saliency method's maps took; constant maps"),
    Kind(STATISTICS, r"statistics/example\.csv", "Which picture the figures show, and why"),
    Kind(STATISTICS, r"statistics/reader_masks\.csv", "J of the maps with each reader's masks, at every threshold"),
    Kind(STATISTICS, r"statistics/reader_agreement\.csv", "How far readers agree: masks, labels and ratings"),
    Kind(
        STATISTICS,
        r"statistics/models/.*",
        "Statistics of each model or other owner of maps, from which those above are merged",
        2,
    ),
    Kind(DATA, r"manifest/training\.csv", "Training pictures and their split; why others were left out"),
    Kind(DATA, r"manifest/evaluation\.csv", "Evaluation pictures; why others are not in the analysis"),
    Kind(DATA, r"manifest/set_aside\.csv", "Pictures that cannot be used and were set aside: what is wrong with each"),
    Kind(DATA, r"manifest/masks\.csv", "Masks: white pixels, connected regions, elongation"),
    Kind(DATA, r"manifest/leakage\.csv", "Evaluation pictures among the training pictures, pair by pair"),
    Kind(DATA, r"manifest/leakage_summary\.csv", "Evaluation pictures among the training pictures, in numbers"),
    Kind(DATA, r"manifest/folds\.csv", "Which fold's segmentation network learnt from which pictures, and maps which"),
    Kind(DATA, r"manifest/folds_leakage\.csv", "Pictures that are others of the study, pair by pair, and their folds"),
    Kind(DATA, r"manifest/archives\.csv", "Archives and tables that were read: size and SHA-256"),
    Kind(DATA, r"archives/.*", "Archives that this study drew", 1),
    Kind(DATA, r"hashes/.*", "Perceptual hashes of pictures", 1),
    Kind(DATA, r"pictures/.*", "Pictures that train, decoded", 1),
    Kind(
        DATA,
        r"segmentation/targets_\d+\.h5",
        "What segmentation networks learn from: the share of each cell that is white",
    ),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/model\.\w+", "{model}: the classifier"),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/metrics\.csv", "{model}: metrics on held-out pictures"),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/history\.csv", "{model}: training, epoch by epoch"),
    Kind(CLASSIFIERS, r"classifiers/(?P<model>\w+)/predictions\.csv", "{model}: what it says of held-out pictures"),
    Kind(
        CLASSIFIERS,
        r"classifiers/(?P<model>\w+)/evaluation_predictions\.csv",
        "{model}: what it says of evaluation pictures",
    ),
    Kind(
        CLASSIFIERS,
        r"segmentation/(?P<model>\w+)/.*",
        "{model}: segmentation networks, one for each fold, and their training",
        2,
    ),
    Kind(PICTURES, r"saliency/(?P<model>\w+)/(?P<method>\w+)/.*\.h5", "Saliency maps: {model}, {method}", 3),
    Kind(PICTURES, r"maps/.*\.h5", "Maps of each source in one file", 1),
    Kind(PICTURES, r"jaccard/(?P<model>\w+)/(?P<method>\w+)/.*\.csv", "J at each threshold: {model}, {method}", 3),
    Kind(PICTURES, r"jaccard/blocks\.json", "Which thresholds are computed by one job"),
    Kind(PICTURES, r"exact/.*\.csv", "Best thresholds off the grid, picture by picture", 1),
    Kind(PICTURES, r"localisation/.*\.csv", "Where maps point, picture by picture", 1),
    Kind(PICTURES, r"faithfulness/.*\.csv", "Whether maps lie where a model looks, picture by picture", 1),
    Kind(PICTURES, r"sanity/.*\.csv", "How alike maps stay with randomised weights, picture by picture", 1),
    Kind(PICTURES, r"curves/.*\.h5", "J as a step function", 1),
    Kind(PICTURES, r"shapes/.*\.csv", "Shapes of the masks, batch by batch", 1),
    Kind(PICTURES, r"ceilings/.*\.h5", "The best overlap of each mask with maps of each grid", 1),
    Kind(PICTURES, r"cells/.*\.h5", "White pixels of the masks in each cell of a map", 1),
    Kind(
        PICTURES, r"challenge/(?P<model>\w+)/(?P<method>\w+)/.*", "Submission to ISIC 2018 Task 2: {model}, {method}", 3
    ),
    Kind(READERS, r"feedback/corrected_labels\.csv", "Labels that readers corrected or confirmed, for a training"),
    Kind(READERS, r"feedback/left_out_labels\.csv", "Pictures on whose class readers do not agree, and why"),
    Kind(READERS, r"feedback/classifiers\.csv", "Which classifiers the readers saw, and which have changed"),
    Kind(READERS, r"feedback/overlaps\.csv", "What the masks of readers and of the study have in common, in pixels"),
    Kind(READERS, r"feedback/(?P<reader>\w+)/masks\.zip", "{reader}: masks, as an archive of masks"),
    Kind(READERS, r"feedback/(?P<reader>\w+)/pictures\.csv", "{reader}: pictures, with notes"),
    Kind(READERS, r"feedback/(?P<reader>\w+)/labels\.csv", "{reader}: which classifications are right"),
    Kind(READERS, r"feedback/(?P<reader>\w+)/ratings\.csv", "{reader}: ratings of maps"),
    Kind(READERS, r"feedback/(?P<reader>\w+)/cells\.h5", "{reader}: white pixels of the masks in each cell of a map"),
    Kind(READERS, r"feedback/(?P<reader>\w+)/curves/.*", "{reader}: J of maps with these masks as step functions", 3),
    Kind(RUN, r"study\.json", "What this study was made from: configuration, archives, versions, commit, seed, times"),
    Kind(RUN, r"README\.md", "This index"),
    Kind(RUN, r"logs/.*", "A log per job", 1),
    Kind(RUN, r"benchmarks/.*", "Run time and memory per job", 1),
)


# What is made on request alone: the heading below which it is told while it is not there, its place, words, command.
ON_REQUEST = ((PICTURES, "challenge/", "Submission to ISIC 2018 Task 2, and its scores", "snakemake challenge"),)
READABLE = (".png", ".svg", ".md", ".html", ".csv", ".tex")  # what is told first of files of one name
MAIN_FIGURE = "figures/jaccard_by_threshold.png"
# Where a run is asked for each file by its name, so that what it is not asked for is of an earlier one.
ASKED_FOR = ("tables/", "figures/")


def kind_of(path: str) -> Kind | None:
    """Return the kind of a file by its path in the folder of results, None for one that the index does not know."""
    found = _found(path)
    return found and found[1]


def told(path: str, spell: Callable[[str], str] = str) -> str:
    """Return what a file is in words, by its path in the folder of results; nothing of one that says it itself.

    spell: how names of models are written there. Methods have words of their own.
    """
    found = _found(path)
    if found is None:
        return ""
    _, kind, names = found
    spoken = {key: in_words(name) if key == "method" else spell(name) for key, name in names.items()}
    return kind.words.format(**spoken)


def title_of(path: str, results: str | Path, spell: Callable[[str], str] = str) -> str:
    """Return what a file is in a few words: as `told`, of a table the first sentence of its caption.

    path, spell: as `told`. results: the folder in which it lies, and beside a table the same as Markdown.
    """
    page = (Path(results) / path).with_suffix(".md")
    if words := told(path, spell):
        return words
    if page.is_file():
        return spell(first_sentence(page.read_text(encoding="utf-8").partition("\n")[0]))
    return in_words(Path(path).stem)


def first_sentence(caption: str) -> str:
    """Return the first sentence of a table's caption, with the table's number, without the full stop."""
    sentence = re.match(r"(?:Table \d+\. )?.+?(?=\.(?: |$))", caption)
    return sentence[0] if sentence else caption


def files_of(results: str | Path) -> list[str]:
    """Return the paths of all finished files below the folder of a study's results, sorted; hidden ones are not."""
    paths = (path.relative_to(results) for path in Path(results).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))


def index_page(
    results: str | Path,
    record: Mapping[str, Any],
    best_thresholds: pd.DataFrame,
    more: Iterable[str] = (),
    asked_for: Iterable[str] | None = None,
) -> str:
    """Return the index as Markdown, links relative to the folder of results.

    results: the folder. record: as `provenance.study_record`. best_thresholds: statistics/best_thresholds.csv, of which
    those of the first saliency method are shown. more: files that are being written. asked_for: files that the study
    makes, as paths in the folder of results: other tables and figures are told to be left over, as those of a model
    that it had before; None: none is.
    """
    files = sorted({*files_of(results), *more})
    lines = [
        f"# Results of the study {_text(record['study'])}",
        "",
        "How far do saliency maps of skin-cancer classifiers coincide with the features that dermatologists look for?",
        "J is the Jaccard index of a thresholded map and a feature's mask.",
        "",
        *_facts(record),
        "",
        *_best_lines(best_thresholds, record["configuration"]),
    ]
    if MAIN_FIGURE in files:
        lines += ["", f"![Mean Jaccard index against the threshold]({MAIN_FIGURE})"]
    left_over = set() if asked_for is None else {path for path in files if path.startswith(ASKED_FOR)} - set(asked_for)
    by_group = _entries(files, results, record["configuration"], left_over)
    for group, folder, words, command in ON_REQUEST:
        if not any(path.startswith(folder) for path in files):
            by_group[group].append(f"{words}: on request, `{command}`")
    for group, entries in by_group.items():
        if entries:
            lines += ["", f"## {group}", "", *(f"- {entry}" for entry in entries)]
    return "\n".join([*lines, ""])


def write_index(results: str | Path, asked_for: Iterable[str | Path] | None = None) -> None:
    """Write a study's index, README.md in the folder of its results, whole or not at all.

    It tells of what is there now: once more after something was made on request. asked_for: paths of what the study
    makes, that of the folder of results before them; others are passed over. They are told of whether they are there or
    made next. Raises FileNotFoundError where study.json or statistics/best_thresholds.csv are not there.
    """
    record = read_record(Path(results) / "study.json")
    best = read_statistics(Path(results) / "statistics" / "best_thresholds.csv")
    below = None
    if asked_for is not None:
        paths = [Path(path) for path in asked_for]
        below = [path.relative_to(results).as_posix() for path in paths if path.is_relative_to(results)]
    write_text(Path(results) / "README.md", index_page(results, record, best, ["README.md", *(below or [])], below))


def _found(path: str) -> tuple[int, Kind, dict[str, str]] | None:
    """Return the place of a file's kind in `KINDS`, the kind, and what its pattern names."""
    for place, kind in enumerate(KINDS):
        if match := re.fullmatch(kind.pattern, path):
            return place, kind, match.groupdict()
    return None


def _entries(
    files: Iterable[str], results: str | Path, configuration: Mapping[str, Any], left_over: set[str]
) -> dict[str, list[str]]:
    """Return the entries of each group: words and links. left_over: files that the study does not make."""
    files = list(files)
    known = _configured(configuration, files)
    links: dict[tuple[int, tuple[int, ...], str, str], set[str]] = {}
    for path in files:
        place, kind, names = _found(path) or (len(KINDS), None, {})
        parts = path.split("/")
        depth = kind.depth if kind else min(1, len(parts) - 1)
        link = "/".join(parts[:depth]) + "/" if depth else path
        # Names stand in the order of the configuration, what it has no more stands last.
        named = {key: name for key, name in names.items() if key in known}
        ranks = [known[key].index(name) if name in known[key] else len(known[key]) for key, name in named.items()]
        words = title_of(path, results, _text) if kind else ""
        if kind and (path in left_over or any(name not in known[key] for key, name in named.items())):
            words += " (left over: not in this configuration)"
        # What files of one entry have in common: a name, but for its suffix.
        common = link if depth else path.removesuffix(Path(path).suffix)
        links.setdefault((place, tuple(ranks), common, words), set()).add(link)
    entries: dict[str, list[str]] = {group: [] for group in GROUPS}
    for (place, _, _, words), targets in sorted(links.items()):
        group = KINDS[place].group if place < len(KINDS) else OTHERS
        linked = _linked(sorted(targets, key=_readable_first))
        entries[group].append(f"{words}: {linked}" if words else linked)
    return entries


def _linked(links: Sequence[str]) -> str:
    """Return links as Markdown: one by its name, several, whose names differ in their suffix, by that."""
    if len(links) == 1:
        (link,) = links
        return f"[{_text(link if link.endswith('/') else link.rpartition('/')[2])}]({quote(link)})"
    return ", ".join(
        f"[{_text(Path(link).suffix.removeprefix('.') or Path(link).name)}]({quote(link)})" for link in links
    )


def _readable_first(link: str) -> tuple[int, str]:
    suffix = Path(link).suffix
    return READABLE.index(suffix) if suffix in READABLE else len(READABLE), link


def _text(name: str) -> str:
    """Return a name as text of Markdown."""
    return re.sub(r"[\\`*\[\]<>|]|(?<!\w)_|_(?!\w)", r"\\\g<0>", name)


def _configured(configuration: Mapping[str, Any], files: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the names of models and of methods, in the sense of paths, that a configuration has, in its order.

    files: of the study. Which ceilings are sources follows from the models' grids, which the configuration does not
    say: those that there are count as known.
    """
    sources = configuration.get("sources", {})
    networks = Study(configuration).networks
    methods = [*all_methods(configuration), *configuration.get("variants", {})]
    controls = configuration.get("controls", {})
    methods += [name for family in CONTROLS for name in controls.get(family, [])]
    ceilings = []
    if configuration.get("ceilings", {}).get("maps"):
        ceilings = sorted({path.split("/")[2] for path in files if path.startswith(f"jaccard/{CEILING}/")})
    readers = list(configuration.get("feedback", {}))
    return {
        "model": [*configuration["models"], *networks, CONTROL_OWNER, CEILING, READER_OWNER, *sources],
        "method": [
            *methods,
            *(kinds_of(SEGMENTATION) if networks else ()),
            *ceilings,
            *(name for entries in sources.values() for name in entries),
            *readers,
        ],
        "reader": readers,
    }


def _facts(record: Mapping[str, Any]) -> list[str]:
    """Return what the study is, as a table of two columns."""
    configuration, pictures, times = record["configuration"], record["pictures"], record["times"]
    models = [
        f"{_text(model)} ({_text(settings['architecture'])}, {settings['input_size']} pixels)"
        if "architecture" in settings
        else f"{_text(model)} (brought along)"
        for model, settings in configuration["models"].items()
    ]
    splits = [f"{split} {count:,}" for split, count in (pictures["training"] or {}).items()]
    size = sum({each["path"]: each["bytes"] for each in record["archives"]}.values())
    archives = f"{len({each['path'] for each in record['archives']})} files, {_bytes(size)}"
    if "drawn" in configuration["archives"]:
        archives += ", drawn by dermalign: they show no skin"
    commit = record["commit"][:12] if record["commit"] else "unknown"
    facts = {
        "models": ", ".join(models),
        "saliency methods": ", ".join(map(in_words, all_methods(configuration))),
        "evaluation pictures": f"{pictures['evaluation']:,}, of which {pictures['analysed']:,} in the analysis",
        "training pictures": ", ".join(splits) if splits else "none",
        "archives": archives,
        "run time": f"{duration(times['seconds'])} for {times['jobs']:,} jobs, the last at {times['ended']}",
        "written": f"{record['written']} by dermalign {record['versions']['dermalign']}, commit {commit}"
        + (" with changes" if record["changed"] else ""),
    }
    if pictures["training"] is not None:
        facts["training pictures"] += f" (leakage: {configuration['leakage']})"
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items())]


def _bytes(size: int) -> str:
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return f"{size} bytes"


def _best_lines(best_thresholds: pd.DataFrame, configuration: Mapping[str, Any]) -> list[str]:
    """Return the best thresholds of the first saliency method: a row per feature, a column per model."""
    models: Sequence[str] = list(configuration["models"])
    method = next(iter(configuration["methods"]))
    of_method = best_thresholds[(best_thresholds["method"] == method) & best_thresholds["model"].isin(models)]
    cells = {
        (row["model"], row["feature"]): "-"
        if pd.isna(row["threshold"])
        else f"{row['j_mean']:.3f} at {row['threshold']}"
        for row in of_method.to_dict("records")
    }
    features = list(dict.fromkeys(of_method["feature"]))
    heads = [f"highest mean J ({in_words(method)})", *map(_text, models)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for feature in features:
        name = f"**{in_words(feature)}**" if feature == UNION else in_words(feature)
        lines.append(f"| {name} | {' | '.join(cells.get((model, feature), '-') for model in models)} |")
    return lines
