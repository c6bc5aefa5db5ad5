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
            shards=expand(
                "{results}/jaccard/{source}/{feature}/{threshold}.csv",
                results=RESULTS,
                source=[source.path for source in SOURCES.of_owner(owner)],
                feature=FEATURES,
                threshold=THRESHOLDS,
            ),
            evaluation=f"{RESULTS}/manifest/evaluation.csv",
            predictions=evaluation_predictions(owner),
            # Which lesion a picture shows; what counts is the table's content, a digest below.
            lesions=ancient(LESION_TABLES),
            drawn=ARCHIVES.drawn if LESION_TABLES else [],
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
            owner=owner,
            groups=STUDY.groups,
            lesions=lambda wildcards: ARCHIVES.table_digests(LESION_TABLES),
            constant=[source.method for source in SOURCES.of_owner(owner) if source.kind.constant],
            resampled_by=CONFIGURATION["resampled_by"],
            seed=CONFIGURATION["seed"],
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
