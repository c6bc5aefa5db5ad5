# Whether maps lie where the classifier looks, whatever experts marked: deletion and insertion of pixels in the order of
# each source's maps, on a fixed sample of the pictures of the analysis.

FAITHFULNESS = CONFIGURATION["faithfulness"]


rule faithfulness:
    input:
        classifier=lambda wildcards: CLASSIFIERS.path(wildcards.model),
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        drawn=ARCHIVES.drawn,
        maps=lambda wildcards: [f"{RESULTS}/maps/{source.path}.h5" for source in SOURCES.asked_about(wildcards.model)],
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        predictions=f"{RESULTS}/classifiers/{{model}}/evaluation_predictions.csv",
    output:
        f"{RESULTS}/faithfulness/{{model}}.csv",
    log:
        f"{RESULTS}/logs/faithfulness/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/faithfulness/{{model}}.tsv"
    wildcard_constraints:
        model=among(CLASSIFIERS.models),
    conda:
        "../envs/classifier.yaml"
    threads: CONFIGURATION["threads"]["gradcam"]
    resources:
        mem_mb=megabytes(16000),
        runtime=minutes(240),
        gpu=CONFIGURATION["gpus"],
    params:
        pictures=FAITHFULNESS["pictures"],
        inputs=lambda wildcards: SOURCES.asking_inputs(wildcards.model),
        asked=lambda wildcards: dict(
            steps=FAITHFULNESS["steps"],
            batch_size=SOURCES.predicting(wildcards.model).options["batch_size"],
            sampled=[source.path for source in SOURCES.asked_about(wildcards.model) if source.path in SAMPLED],
        ),
        # Which pictures are in the sample is known when masks are: any that has maps may be.
        content=lambda wildcards: ARCHIVES.pictures_digest("evaluation_pictures", DIAGNOSED),
    script:
        "../workflow_scripts/faithfulness.py"


rule faithfulness_statistics:
    input:
        **LESIONS_INPUT,
        measured=expand("{results}/faithfulness/{model}.csv", results=RESULTS, model=MODELS),
    output:
        f"{RESULTS}/statistics/faithfulness.csv",
    log:
        f"{RESULTS}/logs/faithfulness_statistics.log",
    benchmark:
        f"{RESULTS}/benchmarks/faithfulness_statistics.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
        sources=lambda wildcards: {
            model: dict(
                kinds={source.path: source.kind.family for source in SOURCES.asked_about(model)},
                methods=[source.path for source in EXPLAINED if source.model == model],
                controls=[source.path for source in SOURCES.controls_of(model)],
            )
            for model in MODELS
        },
    script:
        "../workflow_scripts/faithfulness_statistics.py"


use rule table1 as extended_faithfulness with:
    input:
        faithfulness=f"{RESULTS}/statistics/faithfulness.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_faithfulness", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_faithfulness.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_faithfulness.tsv"
    localrule: True  # not inherited
    params:
        function="extended_faithfulness",
        arguments={},
        caption=captions.extended_faithfulness(FAITHFULNESS["pictures"], UNIT),
        blocks=["model", "part"],


if FAITHFULNESS["pictures"]:
    WANTED += multiext(f"{RESULTS}/tables/extended_faithfulness", *TABLE_SUFFIXES)
