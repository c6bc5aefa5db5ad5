# Saliency methods beside each other: what each reaches on the same pictures, and what a picture took.

SALIENCY_SOURCES = [source for job in JOBS for source in job]

WANTED += multiext(f"{RESULTS}/tables/extended_methods", *TABLE_SUFFIXES)
WANTED += multiext(f"{RESULTS}/figures/methods", ".png", ".svg")


rule method_differences:
    input:
        **LESIONS_INPUT,
        shards=shards_of(EXPLAINED),
    output:
        f"{RESULTS}/statistics/method_differences.csv",
    log:
        f"{RESULTS}/logs/method_differences.log",
    benchmark:
        f"{RESULTS}/benchmarks/method_differences.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
    script:
        "../workflow_scripts/method_statistics.py"


# How long jobs took is in Snakemake's benchmarks, which are no outputs of theirs: what is looked at when maps are new.
rule method_runs:
    input:
        maps=[f"{RESULTS}/maps/{source.path}.h5" for source in SALIENCY_SOURCES],
    output:
        f"{RESULTS}/statistics/method_runs.csv",
    log:
        f"{RESULTS}/logs/method_runs.log",
    benchmark:
        f"{RESULTS}/benchmarks/method_runs.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        sources=[(source.model, source.method) for source in SALIENCY_SOURCES],
        jobs={
            (source.model, source.method): dict(
                methods=len(job),
                benchmarks=[
                    f"{RESULTS}/benchmarks/saliency/{job[0].path}/{batch}.tsv" for batch in SOURCES.batches(job[0])
                ],
            )
            for job in JOBS
            for source in job
        },
    script:
        "../workflow_scripts/method_statistics.py"


use rule table1 as extended_methods with:
    input:
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
        shares=f"{RESULTS}/statistics/ceiling_shares.csv",
        differences=f"{RESULTS}/statistics/method_differences.csv",
        runs=f"{RESULTS}/statistics/method_runs.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_methods", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_methods.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_methods.tsv"
    localrule: True  # not inherited
    params:
        function="extended_methods",
        arguments=dict(methods=SOURCES.saliency_methods),
        caption=captions.extended_methods(UNIT, FIRST_METHOD),
        blocks=["model", "feature"],


use rule mean_curves as methods_figure with:
    input:
        f"{RESULTS}/tables/extended_methods.csv",
    output:
        f"{RESULTS}/figures/methods.png",
        f"{RESULTS}/figures/methods.svg",
    log:
        f"{RESULTS}/logs/methods_figure.log",
    benchmark:
        f"{RESULTS}/benchmarks/methods_figure.tsv"
    localrule: True  # not inherited
    params:
        function="methods",
        arguments={},
