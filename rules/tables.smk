# The paper's tables, those of further models in the same form, what goes beyond the paper, and that of the classifiers.
# Each is computed by the function of dermalign.results.tables that its params name; captions are those of
# dermalign.results.captions. `blocks` are columns that stand above the rows that have their values in common.

from dermalign.results import captions
from dermalign.results.tables import compared_groups

TABLE_SUFFIXES = [".csv", ".md", ".html", ".tex"]
# The paper's tables are of each model's first saliency method.
FIRST_METHOD = SOURCES.saliency_methods[0]
OWN_GROUPS = CONFIGURATION.get("groups")
UNIT = CONFIGURATION["resampled_by"] if LESION_TABLES else "picture"
UNKNOWN = "" if ARCHIVES.has_training_pictures else captions.brought(CLASSIFIERS.brought)
# Tables 2 and 4 are the first model's, 3 and 5 the second's; those of further models are named by them.
FURTHER_MODELS = MODELS[2:]
TABLES = [
    *("table1", "table2", "table4", "table6"),
    *(["table3", "table5"] if len(MODELS) > 1 else []),
    *(f"{name}_{model}" for model in FURTHER_MODELS for name in ("best_thresholds", "groups")),
    *("extended_features", "extended_thresholds", "extended_best_thresholds", "extended_groups"),
    *(["extended_controls"] if SOURCES.controls else []),
    "extended_mann_whitney",
    *(["classifiers"] if ARCHIVES.has_training_pictures else []),
]
WANTED += expand("{results}/tables/{name}{suffix}", results=RESULTS, name=TABLES, suffix=TABLE_SUFFIXES)


rule table1:
    input:
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
    output:
        multiext(f"{RESULTS}/tables/table1", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/table1.log",
    benchmark:
        f"{RESULTS}/benchmarks/table1.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        function="table1",
        arguments=dict(features=CONFIGURATION["features"], diagnoses=CONFIGURATION["evaluation_diagnoses"]),
        caption=captions.table1(CONFIGURATION["evaluation_diagnoses"]),
        blocks=[],
    script:
        "../workflow_scripts/table.py"


# `localrule` is not inherited.
use rule table1 as table2 with:
    input:
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
    output:
        multiext(f"{RESULTS}/tables/table2", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/table2.log",
    benchmark:
        f"{RESULTS}/benchmarks/table2.tsv"
    localrule: True
    params:
        function="table2",
        arguments=dict(model=MODELS[0], method=FIRST_METHOD),
        caption=captions.best_thresholds(2, MODELS[0], UNKNOWN),
        blocks=[],


use rule table1 as table4 with:
    input:
        correctness=f"{RESULTS}/statistics/correctness.csv",
    output:
        multiext(f"{RESULTS}/tables/table4", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/table4.log",
    benchmark:
        f"{RESULTS}/benchmarks/table4.tsv"
    localrule: True
    params:
        function="table4",
        arguments=dict(model=MODELS[0], method=FIRST_METHOD),
        caption=captions.groups(4, MODELS[0], OWN_GROUPS),
        blocks=["at"],


if len(MODELS) > 1:

    use rule table2 as table3 with:
        output:
            multiext(f"{RESULTS}/tables/table3", *TABLE_SUFFIXES),
        log:
            f"{RESULTS}/logs/table3.log",
        benchmark:
            f"{RESULTS}/benchmarks/table3.tsv"
        localrule: True
        params:
            arguments=dict(model=MODELS[1], method=FIRST_METHOD),
            caption=captions.best_thresholds(3, MODELS[1], UNKNOWN),

    use rule table4 as table5 with:
        output:
            multiext(f"{RESULTS}/tables/table5", *TABLE_SUFFIXES),
        log:
            f"{RESULTS}/logs/table5.log",
        benchmark:
            f"{RESULTS}/benchmarks/table5.tsv"
        localrule: True
        params:
            arguments=dict(model=MODELS[1], method=FIRST_METHOD),
            caption=captions.groups(5, MODELS[1], OWN_GROUPS),


use rule table2 as best_thresholds_table with:
    output:
        multiext(f"{RESULTS}/tables/best_thresholds_{{model}}", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/best_thresholds_table/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/best_thresholds_table/{{model}}.tsv"
    wildcard_constraints:
        model=among(FURTHER_MODELS),
    localrule: True
    params:
        arguments=lambda wildcards: dict(model=wildcards.model, method=FIRST_METHOD),
        caption=lambda wildcards: captions.best_thresholds(None, wildcards.model, UNKNOWN),


use rule table4 as groups_table with:
    output:
        multiext(f"{RESULTS}/tables/groups_{{model}}", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/groups_table/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/groups_table/{{model}}.tsv"
    wildcard_constraints:
        model=among(FURTHER_MODELS),
    localrule: True
    params:
        arguments=lambda wildcards: dict(model=wildcards.model, method=FIRST_METHOD),
        caption=lambda wildcards: captions.groups(None, wildcards.model, OWN_GROUPS),


use rule table1 as table6 with:
    input:
        mann_whitney=f"{RESULTS}/statistics/mann_whitney.csv",
    output:
        multiext(f"{RESULTS}/tables/table6", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/table6.log",
    benchmark:
        f"{RESULTS}/benchmarks/table6.tsv"
    localrule: True
    params:
        function="table6",
        arguments=dict(
            models=MODELS,
            method=FIRST_METHOD,
            pairs=compared_groups(list(STUDY.groups), configured=OWN_GROUPS is not None),
        ),
        caption=captions.table6(OWN_GROUPS),
        blocks=[],


# Beyond the paper: all sources, thresholds and groups.


use rule table1 as extended_features with:
    output:
        multiext(f"{RESULTS}/tables/extended_features", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_features.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_features.tsv"
    localrule: True
    params:
        function="extended_features",
        caption=captions.extended_features(),


use rule table1 as extended_thresholds with:
    input:
        thresholds=f"{RESULTS}/statistics/thresholds.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_thresholds", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_thresholds.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_thresholds.tsv"
    localrule: True
    params:
        function="extended_thresholds",
        arguments={},
        caption=captions.extended_thresholds(UNIT),
        blocks=["model"],


use rule table1 as extended_best_thresholds with:
    input:
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_best_thresholds", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_best_thresholds.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_best_thresholds.tsv"
    localrule: True
    params:
        function="extended_best_thresholds",
        arguments={},
        caption=captions.extended_best_thresholds(UNIT),
        blocks=["model"],


use rule table1 as extended_groups with:
    input:
        correctness=f"{RESULTS}/statistics/correctness.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_groups", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_groups.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_groups.tsv"
    localrule: True
    params:
        function="extended_groups",
        arguments=dict(models=MODELS),
        caption=captions.extended_groups(OWN_GROUPS, UNIT),
        blocks=["model", "at"],


use rule table1 as extended_controls with:
    input:
        controls=f"{RESULTS}/statistics/controls.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_controls", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_controls.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_controls.tsv"
    localrule: True
    params:
        function="extended_controls",
        arguments={},
        caption=captions.extended_controls(UNIT),
        blocks=["model", "method", "feature"],


use rule table6 as extended_mann_whitney with:
    output:
        multiext(f"{RESULTS}/tables/extended_mann_whitney", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_mann_whitney.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_mann_whitney.tsv"
    localrule: True
    params:
        function="extended_mann_whitney",
        arguments=dict(methods=SOURCES.saliency_methods),
        caption=captions.extended_mann_whitney(UNIT),
        blocks=["model", "method", "at"],


if ARCHIVES.has_training_pictures:

    # Its caption says, once, what trained the classifiers.
    use rule table1 as classifier_table with:
        input:
            metrics=expand("{results}/classifiers/{model}/metrics.csv", results=RESULTS, model=MODELS),
            leakage=f"{RESULTS}/manifest/leakage_summary.csv",
        output:
            multiext(f"{RESULTS}/tables/classifiers", *TABLE_SUFFIXES),
        log:
            f"{RESULTS}/logs/classifier_table.log",
        benchmark:
            f"{RESULTS}/benchmarks/classifier_table.tsv"
        localrule: True
        params:
            function="classifiers",
            arguments=dict(classes=CONFIGURATION["classes"]),
            caption=captions.classifiers(CONFIGURATION["split"]["test"], CONFIGURATION["leakage"], CLASSIFIERS.brought),
