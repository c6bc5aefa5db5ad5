# Figures that show pictures: 1 and 2, 4 and 5 (the paper's) of one example, and the best, median and worst pictures of
# each feature. Each is drawn by a function of dermalign.results.picture_figures.

PICTURE_SUFFIXES = [".png", ".svg"]
# Tables and figures 4 are the first model's, 5 the second's; those of further models are named by them.
THRESHOLD_FIGURES = {
    f"figure{number}" if number < 6 else f"thresholds_{model}": model for number, model in enumerate(MODELS, 4)
}
READING = dict(
    features=CONFIGURATION["features"],
    mask_options=ARCHIVES.mask_options,
    lesion_pattern=CONFIGURATION["archives"]["lesion_pattern"],
)
LESION_MASKS = [ARCHIVES.lesion_archive] if ARCHIVES.lesion_archive else []
WANTED += expand(
    "{results}/figures/{name}{suffix}",
    results=RESULTS,
    name=["figure1", "figure2", *THRESHOLD_FIGURES, *(f"extremes_{model}" for model in MODELS)],
    suffix=PICTURE_SUFFIXES,
)


rule example:
    input:
        expand(
            "{results}/jaccard/{model}/{method}/union/{threshold}.csv",
            results=RESULTS,
            model=MODELS[0],
            method=FIRST_METHOD,
            threshold=THRESHOLDS,
        ),
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
        example=f"{RESULTS}/statistics/example.csv",
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        lesion_masks=ancient(LESION_MASKS),
        drawn=ARCHIVES.drawn,
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
        mem_mb=megabytes(2000),
        runtime=minutes(10),
    params:
        function="masks",
        model="",
        reading=READING,
        # Which pictures there are is known when the run is planned, but not which of them will be shown.
        content=lambda wildcards: ARCHIVES.shown_digests,
    script:
        "../workflow_scripts/picture_figure.py"


# The example and each model's map of it.
use rule figure1 as figure2 with:
    input:
        example=f"{RESULTS}/statistics/example.csv",
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        maps=expand("{results}/maps/{model}/{method}.h5", results=RESULTS, model=MODELS, method=FIRST_METHOD),
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        lesion_masks=ancient(LESION_MASKS),
        drawn=ARCHIVES.drawn,
    output:
        multiext(f"{RESULTS}/figures/figure2", *PICTURE_SUFFIXES),
    log:
        f"{RESULTS}/logs/figure2.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure2.tsv"
    localrule: True  # not inherited
    params:
        function="maps",


# Figures 4 and 5, and the like of further models: a model's map of the example at each threshold.
for name, model in THRESHOLD_FIGURES.items():

    rule:
        name:
            name
        input:
            example=f"{RESULTS}/statistics/example.csv",
            evaluation=f"{RESULTS}/manifest/evaluation.csv",
            maps=[f"{RESULTS}/maps/{model}/{FIRST_METHOD}.h5"],
            shards=expand(
                "{results}/jaccard/{model}/{method}/union/{threshold}.csv",
                results=RESULTS,
                model=model,
                method=FIRST_METHOD,
                threshold=THRESHOLDS,
            ),
            pictures=ancient(ARCHIVES.path("evaluation_pictures")),
            masks=ancient(ARCHIVES.path("evaluation_masks")),
            lesion_masks=ancient(LESION_MASKS),
            drawn=ARCHIVES.drawn,
        output:
            multiext(f"{RESULTS}/figures/{name}", *PICTURE_SUFFIXES),
        log:
            f"{RESULTS}/logs/{name}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{name}.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(10),
        params:
            function="thresholds",
            model=model,
            reading=READING,
            # Which pictures there are is known when the run is planned, but not which of them will be shown.
            content=lambda wildcards: ARCHIVES.shown_digests,
        script:
            "../workflow_scripts/picture_figure.py"


# Of each feature the best, the median and the worst picture.
use rule figure1 as extremes with:
    input:
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        maps=[f"{RESULTS}/maps/{{model}}/{FIRST_METHOD}.h5"],
        shards=expand(
            "{results}/jaccard/{{model}}/{method}/{feature}/{threshold}.csv",
            results=RESULTS,
            method=FIRST_METHOD,
            feature=FEATURES,
            threshold=THRESHOLDS,
        ),
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        lesion_masks=ancient(LESION_MASKS),
        drawn=ARCHIVES.drawn,
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
        model=lambda wildcards: wildcards.model,
