# What all rules share: the checked study, wildcards, paths.

import os
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

REPOSITORY = Path(str(workflow.current_basedir)).parent
SCRIPTS = REPOSITORY / "workflow_scripts"
IS_MAIN = Path(str(workflow.main_snakefile)).resolve().parent == REPOSITORY.resolve()
sys.path.insert(0, str(SCRIPTS))

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.io import apply_wildcards
from snakemake.utils import update_config

from dermalign.classifiers.study_classifiers import Classifiers
from dermalign.data.archives import PLANNED
from dermalign.data.entrance import Looked, look, looked_lines
from dermalign.data.metadata import configured_groupings
from dermalign.data.set_aside import SKIP, keep, kept
from dermalign.data.study_feedback import StudyFeedback
from dermalign.drawing.study_archives import archives_of
from dermalign.errors import InputError
from dermalign.explorer.planning import check_selection, size_line
from dermalign.files import check_dates, check_writable, remove_left_overs
from dermalign.report.sections import heading_of
from dermalign.results.published import check_networks, find_published, read_published
from dermalign.saliency.study_sources import MapSources
from dermalign.study.batches import remember_blocks, shard_blocks
from dermalign.study.configuration import check_file, checked, published_names
from dermalign.study.console import (
    best_threshold_lines,
    constant_lines,
    estimate_line,
    place_lines,
    print_steps,
    wants_own_words,
)
from dermalign.study.digests import code_digest, folder_digest, keep_code, recall_code
from dermalign.study.faults import SHOWN, Faults
from dermalign.study.interpreter import check_interpreter
from dermalign.study.rule_names import names_of_files
from dermalign.study.sources import (
    CEILING,
    CHANCE,
    CLASSIFIER,
    CONTROLS,
    DIAGNOSIS,
    INDEPENDENT,
    LESION_MASKS,
    LESIONS,
    MAPS,
    MASKS,
    METHOD,
    NETWORKS,
    PICTURES,
    READER,
    READER_MASKS,
    READER_OWNER,
    SEGMENTATION,
    VARIANT,
)
from dermalign.study.study import CACHE, Study

STARTED = time.monotonic()
# `make check`: all that can be found wrong is told, and nothing is planned.
IS_CHECK = bool(os.environ.get("DERMALIGN_CHECK"))
READ_CODE = f"{CACHE}/code.json"
recall_code(READ_CODE)

# TensorFlow's remarks on the machine's processor say nothing about the study. Jobs inherit this.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def or_stop(function, *arguments):
    """Call a function of the library; what the user can mend stops the workflow in its own words."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(f"dermalign: {error}")


if workflow.is_main_process:
    for path in workflow.configfiles:
        or_stop(check_file, path)

# A workflow that imports this one as a module may say what differs from config.yaml alone, as an overlay does.
SETTINGS = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
update_config(SETTINGS, config)
CONFIGURATION = or_stop(checked, SETTINGS)
STUDY = Study(CONFIGURATION)
ARCHIVES = archives_of(STUDY)
CLASSIFIERS = Classifiers(STUDY)
RESULTS = STUDY.results
FEATURES = STUDY.features
MODELS = list(CLASSIFIERS.models)
THRESHOLDS = STUDY.thresholds


# Pictures that cannot be used, and are set aside if the study says so: the process that plans the run looks for them.
# Those of its jobs, and nodes of a cluster, plan without a look, by what it keeps when the run starts, and know by a
# digest in their environment that it is of this run.
SET_ASIDE_FILE = f"{RESULTS}/manifest/set_aside.csv"
SET_ASIDE_DIGEST = "DERMALIGN_SET_ASIDE"
MISSING = ARCHIVES.missing_files()
SETS_ASIDE = CONFIGURATION["on_bad_picture"] == SKIP and not ARCHIVES.drawn and not MISSING
LOOKED = Looked()
if workflow.is_main_process:
    os.environ.pop(PLANNED, None)  # of a run that runs this one
    if IS_CHECK or not MISSING:
        THREADS = min(8, os.cpu_count() or 1)
        LOOKED = or_stop(look, ARCHIVES, CACHE, THREADS, None if IS_CHECK else SHOWN)
    ARCHIVES = replace(ARCHIVES, set_aside=LOOKED.set_aside)
    os.environ[SET_ASIDE_DIGEST] = ARCHIVES.set_aside.digest
elif SETS_ASIDE:
    ARCHIVES = replace(ARCHIVES, set_aside=or_stop(kept, SET_ASIDE_FILE, os.environ.get(SET_ASIDE_DIGEST)))
FEEDBACK = StudyFeedback(ARCHIVES)


if workflow.is_main_process and not IS_CHECK and not workflow.output_settings.dryrun:
    or_stop(check_writable, ".", RESULTS)


def check_dates_of_jobs():
    """Stop where a file that jobs of the run read or make anew is dated in the future."""
    jobs = list(workflow.dag.needrun_jobs())
    or_stop(check_dates, {str(path) for job in jobs for path in (*job.input, *job.output)})


def keep_set_aside():
    """Write down for the jobs of a run which pictures are set aside."""
    if SETS_ASIDE:
        keep(SET_ASIDE_FILE, ARCHIVES.set_aside)


@cache
def groupings_of_study():
    """By which columns the pictures are grouped beside diagnosis and correctness; reads the metadata table."""
    table = ARCHIVES.path("training_metadata")
    return configured_groupings(CONFIGURATION, ARCHIVES.metadata_columns(), table)


def feedback_faults():
    """What is wrong with the readers' files of feedback, or does not fit the study."""
    classes = {model: CLASSIFIERS.classes(model) for model in MODELS}
    return FEEDBACK.faults(classes, [source.path for source in SOURCES], CACHE)


# All that the user has to mend is gathered, and told at once before any job.
FAULTS = Faults()
if MISSING:
    FAULTS.add(MISSING)
FAULTS.or_else(lambda: check_interpreter(sys.executable), None)

BLOCKS_FILE = f"{RESULTS}/jaccard/blocks.json"
BLOCKS = FAULTS.or_else(lambda: shard_blocks(BLOCKS_FILE, THRESHOLDS), [])

# Values that a paper published, and what each model's own `published` says of them.
PUBLISHED_FILE = PUBLISHED = None
PUBLISHED_OF = {model: settings.get("published", {}) for model, settings in CLASSIFIERS.models.items()}
if "published" in CONFIGURATION:
    PUBLISHED_FILE = FAULTS.or_else(lambda: find_published(CONFIGURATION["published"], [".", REPOSITORY]), None)
if PUBLISHED_FILE:
    PUBLISHED = FAULTS.or_else(lambda: read_published(PUBLISHED_FILE), None)
if PUBLISHED:
    FAULTS.or_else(lambda: check_networks(PUBLISHED, PUBLISHED_OF, PUBLISHED_FILE), None)

MASK_BATCHES = FAULTS.or_else(lambda: ARCHIVES.mask_batches, {})
SALIENCY_BATCHES = FAULTS.or_else(lambda: ARCHIVES.saliency_batches, {})
DIAGNOSED = FAULTS.or_else(lambda: ARCHIVES.diagnosed_images, [])
# Controls of anatomy need the lesion mask of every picture.
HAS_LESION_MASKS = FAULTS.or_else(lambda: ARCHIVES.has_lesion_masks(DIAGNOSED), False)
# Readers who finished no picture have labels and ratings alone.
MARKING = FAULTS.or_else(lambda: FEEDBACK.marking, [])
SOURCES = MapSources(STUDY, CLASSIFIERS, HAS_LESION_MASKS, SALIENCY_BATCHES, MARKING)
GRIDS = FAULTS.or_else(lambda: SOURCES.grids, [])
if workflow.is_main_process:  # jobs were planned by one that looked
    if DIAGNOSED:
        FAULTS.or_else(lambda: SOURCES.check_pictures(len(DIAGNOSED)), None)
        FAULTS.or_else(lambda: SOURCES.check_folds(len(ARCHIVES.evaluation_images)), None)
        FAULTS.or_else(lambda: check_selection(CONFIGURATION["explorer"]["pictures"], DIAGNOSED), None)
    if IS_CHECK or not MISSING:
        FAULTS.add(*FAULTS.or_else(ARCHIVES.check_tables, []))
    FAULTS.add(*LOOKED.faults)
    if not MISSING:
        if not any("archives.training_metadata" in sentence for sentence in FAULTS.sentences):
            FAULTS.or_else(groupings_of_study, {})
        FAULTS.add(*FAULTS.or_else(feedback_faults, []))

if IS_CHECK and workflow.is_main_process:
    if FAULTS:
        raise WorkflowError(f"dermalign: {FAULTS.words()}")
    print(*or_stop(looked_lines, LOOKED, ARCHIVES, len(MODELS), time.monotonic() - STARTED), sep="\n", flush=True)
    raise SystemExit

# Archives that are missing leave no pictures to plan for: then only `snakemake fetch` can run.
if MISSING:
    GRIDS, MASK_BATCHES, SALIENCY_BATCHES, DIAGNOSED = [], {}, {}, []
elif FAULTS:
    raise WorkflowError(f"dermalign: {FAULTS.words()}")
# Jobs find by it that an archive was changed while the run went on.
if workflow.is_main_process and not MISSING and not ARCHIVES.drawn:
    os.environ[PLANNED] = or_stop(lambda: ARCHIVES.planned)
if workflow.is_main_process and ARCHIVES.set_aside:
    where = f"Each is listed in {SET_ASIDE_FILE} when the run starts; `make check` lists them now."
    print(ARCHIVES.set_aside.warning(where), file=sys.stderr, flush=True)
# Where another workflow imports this one, no handler runs when the run starts.
if workflow.is_main_process and not IS_MAIN and not workflow.output_settings.dryrun:
    keep_set_aside()
# Sources that ask a classifier, in lists of those that share a job.
JOBS = [] if MISSING else SOURCES.jobs
# Sources with maps of a sample of the pictures only, whose statistics are of these.
SAMPLED = [] if MISSING else [source.path for source in SOURCES if SOURCES.is_sample(source)]
# The networks of each fold.
FOLDS = range(1, CONFIGURATION["segmentation"]["folds"] + 1)
NETWORK_FILES = {
    network: [f"{RESULTS}/segmentation/{network}/fold_{fold}/model.keras" for fold in FOLDS]
    for network in STUDY.networks
}
SEGMENTED = [] if MISSING else [source for source in SOURCES if source.kind.family == SEGMENTATION]
MADE_AT_ONCE = (
    [] if MISSING else [source for source in SOURCES if not source.needs(CLASSIFIER) and not source.needs(NETWORKS)]
)

# Rules take archives as `ancient`: what they depend on is the content of their own pictures, a digest among their
# params, so that a new picture reruns its batch alone. Functions that give such a digest must not take `input`
# (Snakemake leaves the params that do out of what it compares), and what they give must be known when the run is
# planned (a run on a cluster records the params as they were then). What reads drawn archives takes ARCHIVES.drawn,
# too: Snakemake plans nothing behind an `ancient` file that is there and is to be made anew.

# Saliency methods and their variants, of each model: what explains a classifier.
EXPLAINED = [] if MISSING else [source for source in SOURCES if source.kind.family in (METHOD, VARIANT)]
# What is compared with controls and ceilings: these, and segmentation networks.
COMPARED = [*EXPLAINED, *SEGMENTED]

# Which pictures show one lesion.
LESION_TABLES = [ARCHIVES.path("training_metadata")] if ARCHIVES.path("training_metadata") else []
# By what intervals are resampled: input and params of each rule of statistics. What counts of the tables is their
# content, a digest among the params.
LESIONS_INPUT = dict(lesions=ancient(LESION_TABLES), drawn=ARCHIVES.drawn if LESION_TABLES else [])
RESAMPLED = dict(
    lesions=lambda wildcards: ARCHIVES.table_digests(LESION_TABLES),
    resampled_by=CONFIGURATION["resampled_by"],
    seed=CONFIGURATION["seed"],
)


def among(names):
    """A wildcard constraint: one of these names, or nothing where there are none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    model=among(SOURCES.owners),
    method=among(SOURCES.methods()),
    feature=among(FEATURES),
    threshold=r"[01]\.[0-9]{3}",
    batch="[0-9]{5}",
    input_size="[0-9]+",


# What plain `snakemake` makes. Each file of rules adds its own.
WANTED = []
# What the study was made from, the index of its results, and the page that tells it: the last of a run.
RECORD = [f"{RESULTS}/study.json", f"{RESULTS}/README.md", f"{RESULTS}/report/index.html"]


def everything(wildcards):
    if MISSING:
        raise WorkflowError(f"dermalign: {FAULTS.words()}")
    return WANTED


def stores_of_source(wildcards):
    """The saliency stores of a source that is computed in batches."""
    (source,) = [each for each in SOURCES if each.path == f"{wildcards.model}/{wildcards.method}"]
    images = [image for batch in SOURCES.batches(source).values() for image in batch]
    return [f"{RESULTS}/saliency/{source.path}/{image}.h5" for image in images]


def asked_of_job(job, images):
    """What the methods of a job are asked about pictures: of which class, which score, how many at a time."""
    options = job[0].options
    target = options["target"]
    if target == DIAGNOSIS:
        target = ARCHIVES.diagnoses_of(images)
    return dict(target=target, score=options["score"], batch_size=options["batch_size"])


def network_settings(network):
    """The settings of a segmentation network's training, but for what it starts from, which is an input."""
    return {key: value for key, value in STUDY.networks[network].items() if key != "start_from"}


def segmentation_inputs(network):
    """What a segmentation network's training reads of pictures and masks."""
    settings = STUDY.networks[network]
    return dict(
        pictures=f"{RESULTS}/pictures/evaluation_{settings['input_size']}.h5",
        targets=f"{RESULTS}/segmentation/targets_{settings['cells']}.h5",
    )


def start_from(network):
    """The classifier that a segmentation network's encoder starts from, if any."""
    settings = STUDY.networks[network]
    return [CLASSIFIERS.path(settings["start_from"])] if "start_from" in settings else []


def shown_source(source):
    """A map source as the explorer takes it, with the controls that stand beside its curves."""
    controls = [control.path for control in SOURCES.controls_of(source.model)]
    return dict(
        path=source.path,
        grid=SOURCES.grid(source),
        is_model=source.model in MODELS,
        controls=controls,
        is_drawn=source.kind.family == READER,
    )


def evaluation_predictions(owner):
    """The predictions of a model for the evaluation pictures; none of an owner of maps that predicts nothing."""
    return [f"{RESULTS}/classifiers/{owner}/evaluation_predictions.csv"] if SOURCES.predicting(owner) else []


def union_shards(model):
    """The shards of the union of a model's first saliency method, at all thresholds."""
    folder = f"{RESULTS}/jaccard/{model}/{SOURCES.saliency_methods[0]}/union"
    return [f"{folder}/{threshold}.csv" for threshold in THRESHOLDS]


def shards_of(sources, features=FEATURES):
    """The shards of some sources at all thresholds, of all features or of some."""
    return expand(
        "{results}/jaccard/{source}/{feature}/{threshold}.csv",
        results=RESULTS,
        source=[source.path for source in sources],
        feature=features,
        threshold=THRESHOLDS,
    )


def no_published_values(wildcards):
    raise WorkflowError("dermalign: this study names no published values. Name their file under `published`.")


def published_metrics(model):
    """The held-out metrics that stand beside a model's: those that it gives, or those of the network that it names."""
    published = PUBLISHED_OF[model]
    if isinstance(published, str):
        return PUBLISHED.metrics(published, published_names(CLASSIFIERS.classes(model)))
    return published


def code_of(script, *modules):
    """A digest of the code that a script, and modules beside it, run, for a rule's params."""
    return code_digest(SCRIPTS / script, *modules)


def add_code_digests():
    """Give each rule that runs a script of ours a digest of its code; Snakemake watches scripts, not their imports."""
    for each in workflow.rules:
        script = Path(str(each.script or ""))
        if script.name and (SCRIPTS / script.name).is_file() and "code" not in dict(each.params.items()):
            each.set_params(code=code_of(script.name))
    if workflow.is_main_process:
        keep_code(READ_CODE)


def mark_for_report():
    """Mark each table and figure for `snakemake --report`, in one format, with its section, title and caption."""
    for each in workflow.rules:
        for output in each.output:
            path = str(output)
            folder = path.removeprefix(f"{RESULTS}/").partition("/")[0]
            if folder in ("tables", "figures") and path.endswith((".html", ".svg")):
                marked = report(
                    path,
                    caption=workflow.current_basedir.join("rules/report_caption.rst"),
                    category=lambda wildcards, path=path: heading_of(in_results(path, wildcards)),
                    subcategory=folder,
                    labels=lambda wildcards, path=path: {"shows": shown_by(in_results(path, wildcards))},
                )
                output.set_flags({**output.flags, **marked.flags})


def in_results(path, wildcards):
    """Return the place of a job's file in the folder of results, of the path in its rule."""
    return apply_wildcards(path, wildcards).removeprefix(f"{RESULTS}/")


def shown_by(place):
    """Return what a table or figure that is there shows, in a sentence, by its place in the folder of results."""
    from dermalign.results.index import title_of  # imported here: the processes of jobs do without

    return title_of(place, RESULTS)


def megabytes(first):
    """Memory that grows with each attempt of a job."""
    return lambda wildcards, attempt: first * attempt


def minutes(first):
    """Time that grows with each attempt of a job."""
    return lambda wildcards, attempt: first * attempt


def for_all(jobs):
    """Whether `all` is among jobs of the run: only where it was asked for, since nothing else needs it."""
    return any(job.rule.name == "all" for job in jobs)


def up_to_date():
    if for_all(workflow.dag.jobs):
        return f"Nothing to be done: everything is up to date. The results lie in {RESULTS}/."


def print_estimates():
    """Say, of costly saliency methods that are going to run, what they take, and how large the explorer will be."""
    jobs = {job.rule.name: len(job.output) for job in workflow.dag.needrun_jobs()}
    for source in (job[0] for job in JOBS if job[0].kind.passes):
        names = [f"{source.method}_{source.model}_{batch}" for batch in SOURCES.batches(source)]
        pictures = sum(jobs.get(name, 0) for name in names)
        if pictures:
            name = f"{source.method} of {source.model}"
            passes, cost = SOURCES.passes(source), CLASSIFIERS.multiply_adds(source.model)
            print(estimate_line(name, passes, pictures, cost), flush=True)
    for model in CLASSIFIERS.models:
        costly = [job[0] for job in JOBS if job[0].model == model and job[0].kind.passes]
        if costly and f"sanity_{model}" in jobs:
            sanity = CONFIGURATION["sanity"]
            passes = (1 + sanity["stages"]) * sum(map(SOURCES.passes, costly))
            cost = CLASSIFIERS.multiply_adds(model)
            print(estimate_line(f"sanity of {model}", passes, sanity["pictures"], cost), flush=True)
    if "explorer" in jobs:
        maps = explorer_maps(len(DIAGNOSED))
        print(size_line(len(DIAGNOSED), CONFIGURATION["explorer"]["side"], maps, f"{RESULTS}/explorer"), flush=True)


def explorer_maps(pictures):
    """Cells, and how many of the pictures have a map, of each source that the explorer shows."""
    found = []
    for source in SHOWN_SOURCES:
        rows, columns = SOURCES.grid(source)
        found.append((rows * columns, min(pictures, sum(map(len, SOURCES.batches(source).values())))))
    return found


def print_summary():
    path = Path(RESULTS) / "statistics" / "best_thresholds.csv"
    if not for_all(workflow.dag.finished_jobs) or not path.is_file():
        return
    import pandas  # imported here: the processes of jobs do without

    best = pandas.read_csv(path, keep_default_na=False, na_values=[""])
    print("\nThe best threshold of each feature, and the mean Jaccard index (J) over pictures there:\n")
    # Those of segmentation networks, the upper reference, last.
    lines = best_threshold_lines(best, SOURCES.methods(METHOD, VARIANT, SEGMENTATION))
    runs = path.with_name("method_runs.csv")
    constant = constant_lines(pandas.read_csv(runs, keep_default_na=False, na_values=[""])) if runs.is_file() else []
    print(*lines, *(["", *constant] if constant else []), "", *place_lines(RESULTS), sep="\n", flush=True)


def tidy():
    """Remove what killed jobs left of files that they wrote."""
    for folder in (RESULTS, CACHE):
        remove_left_overs(folder)


def renew_index():
    """Name in the index what was made on request after it was written."""
    made = {job.rule.name for job in workflow.dag.finished_jobs}
    if "challenge_masks" in made and all(Path(path).is_file() for path in RECORD):
        from dermalign.results.index import write_index  # imported here: the processes of jobs do without

        write_index(RESULTS, WANTED)


# Processes that Snakemake starts for a job, and a workflow that imports this one, print as they do.
if IS_MAIN and workflow.is_main_process and not wants_own_words(workflow.output_settings, os.environ):
    print_steps(up_to_date)
