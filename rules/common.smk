# What all rules share: the checked study, wildcards, paths.

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

from snakemake.exceptions import WorkflowError

from dermalign.study.configuration import checked, threshold_names
from dermalign.errors import InputError
from dermalign.study.study import Study, library_digest, remember_blocks, shard_blocks

# TensorFlow's remarks on the machine's processor say nothing about the study. Jobs inherit this.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def or_stop(function, *arguments):
    """Call a function of the library; what the user can mend stops the workflow in its own words."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(f"dermalign: {error}")


CONFIGURATION = or_stop(checked, config)
STUDY = Study(CONFIGURATION)
RESULTS = STUDY.results
FEATURES = STUDY.features
MODELS = list(STUDY.models)
# The methods of map sources: saliency methods, and chance, which flows through the same rules.
SALIENCY_METHODS = list(CONFIGURATION["methods"])
CHANCE_METHODS = CONFIGURATION["chance"]["methods"]
VARIANTS = CONFIGURATION["variants"]
METHODS = [*SALIENCY_METHODS, *VARIANTS, *CHANCE_METHODS]
THRESHOLDS = threshold_names(CONFIGURATION["thresholds"])

# Archives that are missing leave no pictures to plan for: then only `snakemake fetch` can run.
MISSING = STUDY.missing_files()
GRIDS = [] if MISSING else or_stop(lambda: STUDY.all_grids)
MASK_BATCHES = {} if MISSING else or_stop(lambda: STUDY.mask_batches)
SALIENCY_BATCHES = {} if MISSING else or_stop(lambda: STUDY.saliency_batches)
DIAGNOSED = [] if MISSING else STUDY.diagnosed_images

# Rules take archives as `ancient`: what they depend on is the content of their own pictures, a digest among their
# params, so that a new picture reruns its batch alone. Functions that give such a digest must not take `input`
# (Snakemake leaves the params that do out of what it compares), and what they give must be known when the run is
# planned (a run on a cluster records the params as they were then). What reads drawn archives takes this file, too:
# Snakemake plans nothing behind an `ancient` file that is there and is to be made anew.
DRAWN = [STUDY.drawn] if STUDY.is_drawn else []

BLOCKS_FILE = f"{RESULTS}/jaccard/blocks.json"
BLOCKS = shard_blocks(BLOCKS_FILE, THRESHOLDS)


wildcard_constraints:
    model="|".join(MODELS),
    method="|".join(METHODS),
    feature="|".join(FEATURES),
    threshold=r"[01]\.[0-9]{3}",
    batch="[0-9]{5}",
    input_size="[0-9]+",


def everything(wildcards):
    if MISSING:
        raise WorkflowError(f"dermalign: {MISSING}")
    return [
        *expand(
            "{results}/tables/table{number}.{suffix}",
            results=RESULTS,
            number=range(1, 7),
            suffix=["csv", "md", "html", "tex"],
        ),
        *expand(
            "{results}/figures/{name}.{suffix}",
            results=RESULTS,
            name=["jaccard_by_threshold", "mean_curves"],
            suffix=["png", "svg"],
        ),
        f"{RESULTS}/statistics/exact_thresholds.csv",
        *(of_classifiers() if STUDY.has_training_pictures else []),
    ]


def of_classifiers():
    return [
        f"{RESULTS}/manifest/leakage.csv",
        *expand("{results}/tables/classifiers.{suffix}", results=RESULTS, suffix=["csv", "md", "html", "tex"]),
        *expand(
            "{results}/figures/classifiers/{model}_confusion.{suffix}",
            results=RESULTS,
            model=MODELS,
            suffix=["png", "svg"],
        ),
        *expand(
            "{results}/figures/classifiers/{model}_history.{suffix}",
            results=RESULTS,
            model=STUDY.trained,
            suffix=["png", "svg"],
        ),
    ]


def among(names):
    """A wildcard constraint: one of these names, or nothing where there are none."""
    return "|".join(names) or "(?!)"


def megabytes(first):
    """Memory that grows with each attempt of a job."""
    return lambda wildcards, attempt: first * attempt


def minutes(first):
    """Time that grows with each attempt of a job."""
    return lambda wildcards, attempt: first * attempt


def print_summary():
    table = Path(RESULTS) / "tables" / "table3.md"
    if not table.is_file():
        return
    print(f"\n{table.read_text(encoding='utf-8')}")
    for name, what in {
        "tables": "tables 1 to 6 and of the classifiers, CSV and Markdown",
        "figures": "figures, PNG and SVG",
        "statistics": "all statistics behind them",
        "jaccard": "Jaccard index per picture: {model}/{method}/{feature}/{threshold}.csv",
        "saliency": "saliency maps: {model}/{method}/{image}.h5",
        "classifiers": "classifiers, their history, predictions and metrics",
        "manifest": "which pictures were used, and why others were not",
        "logs": "a log per job",
    }.items():
        print(f"  {RESULTS}/{name + '/':<13} {what}")
