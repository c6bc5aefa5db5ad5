# Statistics per model, merged into one table each.

STATISTICS = ["thresholds", "best_thresholds", "correctness", "mann_whitney", *(["chance"] if CHANCE_METHODS else [])]


rule model_statistics:
    input:
        shards=expand(
            "{results}/jaccard/{{model}}/{method}/{feature}/{threshold}.csv",
            results=RESULTS,
            method=METHODS,
            feature=FEATURES,
            threshold=THRESHOLDS,
        ),
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        predictions=f"{RESULTS}/maps/{{model}}/{SALIENCY_METHODS[0]}_predictions.csv",
    output:
        [f"{RESULTS}/statistics/models/{{model}}/{name}.csv" for name in STATISTICS],
    log:
        f"{RESULTS}/logs/model_statistics/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/model_statistics/{{model}}.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        groups=STUDY.groups,
        chance_methods=CHANCE_METHODS,
        library=library_digest("statistics", "pairing", "maps", "manifests"),
    script:
        "../workflow_scripts/model_statistics.py"


rule merge_statistics:
    input:
        expand("{results}/statistics/models/{model}/{name}.csv", results=RESULTS, model=MODELS, name=STATISTICS),
    output:
        [f"{RESULTS}/statistics/{name}.csv" for name in STATISTICS],
    log:
        f"{RESULTS}/logs/merge_statistics.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_statistics.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        library=library_digest("statistics"),
    script:
        "../workflow_scripts/merge_statistics.py"


rule merge_exact:
    input:
        expand(
            "{results}/exact/{model}/{method}/{name}.csv",
            results=RESULTS,
            model=MODELS,
            method=METHODS,
            name=["exact_thresholds", "mean_curves"],
        ),
    output:
        f"{RESULTS}/statistics/exact_thresholds.csv",
        f"{RESULTS}/statistics/mean_curves.csv",
    log:
        f"{RESULTS}/logs/merge_exact.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_exact.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        library=library_digest("statistics"),
    script:
        "../workflow_scripts/merge_statistics.py"
