# The paper's tables, then that of the classifiers. Each is computed by the function of dermalign.results.tables that its
# params name; captions are those of dermalign.results.captions, to which the script adds what leaked.

from dermalign.results import captions

TRAINING = captions.training(CONFIGURATION["leakage"] if ARCHIVES.has_training_pictures else None, CLASSIFIERS.brought)
OVERLAP = captions.overlap(SOURCES.methods(METHOD), SOURCES.chance_methods, TRAINING)
LEAKAGE = {"leakage": f"{RESULTS}/manifest/leakage_summary.csv"} if ARCHIVES.has_training_pictures else {}
CHANCE = {"chance": f"{RESULTS}/statistics/chance.csv"} if SOURCES.chance_methods else {}
TABLE_SUFFIXES = [".csv", ".md", ".html", ".tex"]
TABLES = [*(f"table{number}" for number in range(1, 7)), *(["classifiers"] if ARCHIVES.has_training_pictures else [])]
WANTED += expand("{results}/tables/{name}{suffix}", results=RESULTS, name=TABLES, suffix=TABLE_SUFFIXES)


rule table1:
    input:
        **LEAKAGE,
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
        caption=captions.table1(TRAINING),
    script:
        "../workflow_scripts/table.py"


# `localrule` is not inherited.
use rule table1 as table2 with:
    input:
        **CHANCE,
        **LEAKAGE,
        thresholds=f"{RESULTS}/statistics/thresholds.csv",
    output:
        multiext(f"{RESULTS}/tables/table2", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/table2.log",
    benchmark:
        f"{RESULTS}/benchmarks/table2.tsv"
    localrule: True
    params:
        function="table2",
        arguments={},
        caption=captions.table2(OVERLAP),


use rule table1 as table3 with:
    input:
        **CHANCE,
        **LEAKAGE,
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
    output:
        multiext(f"{RESULTS}/tables/table3", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/table3.log",
    benchmark:
        f"{RESULTS}/benchmarks/table3.tsv"
    localrule: True
    params:
        function="table3",
        arguments={},
        caption=captions.table3(OVERLAP),


use rule table1 as table4 with:
    input:
        **CHANCE,
        **LEAKAGE,
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
        arguments=dict(models=MODELS),
        caption=captions.table4(MODELS, CONFIGURATION.get("groups"), OVERLAP),


use rule table4 as table5 with:
    output:
        multiext(f"{RESULTS}/tables/table5", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/table5.log",
    benchmark:
        f"{RESULTS}/benchmarks/table5.tsv"
    localrule: True
    params:
        function="table5",
        caption=captions.table5(MODELS, CONFIGURATION.get("groups"), OVERLAP),


use rule table1 as table6 with:
    input:
        **LEAKAGE,
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
        arguments=dict(methods=SOURCES.saliency_methods),
        caption=captions.table6(MODELS, TRAINING),


use rule table1 as classifier_table with:
    input:
        metrics=expand("{results}/classifiers/{model}/metrics.csv", results=RESULTS, model=MODELS),
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
        caption=captions.classifiers(CONFIGURATION["split"]["test"], TRAINING),
