# dermalign: from raw ISIC archives to the tables of a study. Rules stand in the order of the data.

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.current_basedir}/config.yaml"


include: "rules/common.smk"


# The first page of `snakemake --report`.
report: "rules/report_description.rst"


if CONFIGURATION.get("container"):

    # Counts with `--sdm apptainer` only, and for all rules.
    container: CONFIGURATION["container"]


include: "rules/archives.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        everything,


include: "rules/mask_cells.smk"
include: "rules/manifests.smk"


# Classifiers that are brought along need none. Without them no picture is held out, and what leaked cannot be told.
if ARCHIVES.has_training_pictures:

    include: "rules/training_manifest.smk"
    include: "rules/classifiers.smk"


include: "rules/brought.smk"


# The upper reference, if the study names any.
if STUDY.networks:

    include: "rules/segmentation.smk"


include: "rules/saliency.smk"
include: "rules/jaccard.smk"
include: "rules/statistics.smk"
include: "rules/controls.smk"
include: "rules/tables.smk"
include: "rules/localisation.smk"
include: "rules/faithfulness.smk"
include: "rules/honest_thresholds.smk"
include: "rules/published.smk"
include: "rules/figures.smk"
include: "rules/ceilings.smk"
include: "rules/reference.smk"
include: "rules/methods.smk"
include: "rules/groups.smk"
include: "rules/sanity.smk"
include: "rules/picture_figures.smk"


# What readers gave back, if any did.
if FEEDBACK.readers:

    include: "rules/feedback.smk"


include: "rules/challenge.smk"
include: "rules/explorer.smk"
include: "rules/provenance.smk"
include: "rules/report.smk"


# What a rule depends on of code follows from its script.
add_code_digests()
mark_for_report()


onstart:
    check_dates_of_jobs()
    tidy()
    remember_blocks(BLOCKS_FILE, BLOCKS)
    keep_set_aside()
    print_estimates()


onsuccess:
    tidy()
    renew_index()
    print_summary()
