# Statistics per model, merged into one table each.

STATISTICS = [
    "thresholds",
    "best_thresholds",
    "correctness",
]
WANTED.append(f"{RESULTS}/statistics/exact_thresholds.csv")


# Of each model, and of each first name of sources that belong to no model.
for owner in SOURCES.owners:

    rule:
        name:
            f"statistics_{owner}"
        input:
            **LESIONS_INPUT,
            shards=shards_of(SOURCES.of_owner(owner)),
            evaluation=f"{RESULTS}/manifest/evaluation.csv",
            predictions=evaluation_predictions(owner),
        output:
            [f"{RESULTS}/statistics/models/{owner}/{name}.csv" for name in STATISTICS],
        log:
            f"{RESULTS}/logs/statistics/{owner}.log",
        benchmark:
            f"{RESULTS}/benchmarks/statistics/{owner}.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(30),
        params:
            **RESAMPLED,
            owner=owner,
            groups=STUDY.groups,
            constant=[source.method for source in SOURCES.of_owner(owner) if source.kind.constant],
        script:
            "../workflow_scripts/source_statistics.py"


rule merge_statistics:
    input:
        expand("{results}/statistics/models/{model}/{name}.csv", results=RESULTS, model=SOURCES.owners, name=STATISTICS),
    output:
        [f"{RESULTS}/statistics/{name}.csv" for name in STATISTICS],
    log:
        f"{RESULTS}/logs/merge_statistics.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_statistics.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    script:
        "../workflow_scripts/merge_statistics.py"


use rule merge_statistics as merge_exact with:
    input:
        expand(
            "{results}/exact/{source}/{name}.csv",
            results=RESULTS,
            source=[source.path for source in SOURCES],
            name=["exact_thresholds", "mean_curves"],
        ),
    output:
        f"{RESULTS}/statistics/exact_thresholds.csv",
        f"{RESULTS}/statistics/mean_curves.csv",
    log:
        f"{RESULTS}/logs/merge_exact.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_exact.tsv"
    localrule: True  # not inherited
