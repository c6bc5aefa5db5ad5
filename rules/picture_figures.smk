# Figures that show pictures: 1 and 2, 4 and 5 (the paper's) of one example, and the best, median and worst pictures of
# each feature. Each is drawn by a function of dermalign.results.picture_figures.

PICTURE_SUFFIXES = [".png", ".svg"]
READING = dict(
    features=CONFIGURATION["features"],
    mask_options=ARCHIVES.mask_options,
    lesion_pattern=CONFIGURATION["archives"]["lesion_pattern"],
)
# Where what figures show is read.
SHOWN = dict(
    evaluation=f"{RESULTS}/manifest/evaluation.csv",
    pictures=ancient(ARCHIVES.path("evaluation_pictures")),
    masks=ancient(ARCHIVES.path("evaluation_masks")),
    drawn=ARCHIVES.drawn,
)
LESION_MASKS = [ARCHIVES.lesion_archive] if ARCHIVES.lesion_archive else []
WANTED += expand(
    "{results}/figures/{name}{suffix}",
    results=RESULTS,
    name=[
        *("figure1", "figure2", "figure4"),
        *(["figure5"] if len(MODELS) > 1 else []),
        *(f"thresholds_{model}" for model in FURTHER_MODELS),
        *(f"extremes_{model}" for model in MODELS),
    ],
    suffix=PICTURE_SUFFIXES,
)


rule example:
    input:
        union_shards(MODELS[0]),
    output:
        f"{RESULTS}/statistics/example.csv",
    log:
        f"{RESULTS}/logs/example.log",
    benchmark:
        f"{RESULTS}/benchmarks/example.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        wanted=CONFIGURATION.get("example"),
    script:
        "../workflow_scripts/example.py"


# The example and the masks of its features.
rule figure1:
    input:
        **SHOWN,
        example=f"{RESULTS}/statistics/example.csv",
        lesion_masks=ancient(LESION_MASKS),
    output:
        multiext(f"{RESULTS}/figures/figure1", *PICTURE_SUFFIXES),
    log:
        f"{RESULTS}/logs/figure1.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure1.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        function="masks",
        model="",
        reading=READING,
        # Which pictures there are is known when the run is planned, but not which of them will be shown.
        content=lambda wildcards: ARCHIVES.shown_digests,
        lesions=lambda wildcards: [ARCHIVES.path("lesion_masks"), ARCHIVES.shown_lesions_digest],
    script:
        "../workflow_scripts/picture_figure.py"


# The example and each model's map of it.
use rule figure1 as figure2 with:
    input:
        **SHOWN,
        example=f"{RESULTS}/statistics/example.csv",
        maps=expand("{results}/maps/{model}/{method}.h5", results=RESULTS, model=MODELS, method=FIRST_METHOD),
    output:
        multiext(f"{RESULTS}/figures/figure2", *PICTURE_SUFFIXES),
    log:
        f"{RESULTS}/logs/figure2.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure2.tsv"
    localrule: True  # not inherited
    params:
        function="maps",
        lesions=None,


# Figures 4 and 5: a model's map of the example at each threshold.
use rule figure1 as figure4 with:
    input:
        **SHOWN,
        example=f"{RESULTS}/statistics/example.csv",
        maps=[f"{RESULTS}/maps/{MODELS[0]}/{FIRST_METHOD}.h5"],
        shards=union_shards(MODELS[0]),
    output:
        multiext(f"{RESULTS}/figures/figure4", *PICTURE_SUFFIXES),
    log:
        f"{RESULTS}/logs/figure4.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure4.tsv"
    localrule: True  # not inherited
    params:
        function="thresholds",
        lesions=None,
        model=MODELS[0],


if len(MODELS) > 1:

    use rule figure4 as figure5 with:
        input:
            **SHOWN,
            example=f"{RESULTS}/statistics/example.csv",
            maps=[f"{RESULTS}/maps/{MODELS[1]}/{FIRST_METHOD}.h5"],
            shards=union_shards(MODELS[1]),
        output:
            multiext(f"{RESULTS}/figures/figure5", *PICTURE_SUFFIXES),
        log:
            f"{RESULTS}/logs/figure5.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure5.tsv"
        localrule: True
        params:
            model=MODELS[1],


# The like of further models.
use rule figure4 as thresholds_figure with:
    input:
        **SHOWN,
        example=f"{RESULTS}/statistics/example.csv",
        maps=[f"{RESULTS}/maps/{{model}}/{FIRST_METHOD}.h5"],
        shards=union_shards("{model}"),
    output:
        multiext(f"{RESULTS}/figures/thresholds_{{model}}", *PICTURE_SUFFIXES),
    log:
        f"{RESULTS}/logs/thresholds_figure/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/thresholds_figure/{{model}}.tsv"
    wildcard_constraints:
        model=among(FURTHER_MODELS),
    localrule: True
    params:
        model=lambda wildcards: wildcards.model,


# Of each feature the best, the median and the worst picture.
use rule figure1 as extremes with:
    input:
        **SHOWN,
        maps=[f"{RESULTS}/maps/{{model}}/{FIRST_METHOD}.h5"],
        shards=expand(
            "{results}/jaccard/{{model}}/{method}/{feature}/{threshold}.csv",
            results=RESULTS,
            method=FIRST_METHOD,
            feature=FEATURES,
            threshold=THRESHOLDS,
        ),
    output:
        multiext(f"{RESULTS}/figures/extremes_{{model}}", *PICTURE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extremes/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/extremes/{{model}}.tsv"
    wildcard_constraints:
        model=among(MODELS),
    localrule: True  # not inherited
    params:
        function="extremes",
        lesions=None,
        model=lambda wildcards: wildcards.model,
