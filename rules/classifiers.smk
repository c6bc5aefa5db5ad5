# The classifiers: ImageNet weights, pictures decoded once, training, held-out metrics.

for models, figure in (
    *((MODELS, name) for name in ("confusion", "roc", "reliability")),
    (CLASSIFIERS.trained, "history"),
):
    WANTED += expand(
        "{results}/figures/classifiers/{model}_{figure}.{suffix}",
        results=RESULTS,
        model=models,
        figure=figure,
        suffix=["png", "svg"],
    )

# Fetched where Snakemake runs, since compute nodes have no internet, into a folder that studies share. What is there
# is never fetched again.
for path, origin in CLASSIFIERS.imagenet_weights.items():
    if not Path(path).is_file():

        rule:
            name:
                f"fetch_{FETCHED[path]}"
            output:
                path,
            log:
                f"{RESULTS}/logs/fetch/{FETCHED[path]}.log",
            benchmark:
                f"{RESULTS}/benchmarks/fetch/{FETCHED[path]}.tsv"
            localrule: True
            conda:
                "../envs/classifier.yaml"
            resources:
                mem_mb=megabytes(4000),
                runtime=minutes(60),
            params:
                architecture=origin["architecture"],
                input_size=origin["input_size"],
            script:
                "../workflow_scripts/fetch_weights.py"


rule training_pictures:
    input:
        manifest=f"{RESULTS}/manifest/training.csv",
        pictures=ancient(ARCHIVES.path("training_pictures")),
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/pictures/training_{{input_size}}.h5",
    log:
        f"{RESULTS}/logs/training_pictures/{{input_size}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/training_pictures/{{input_size}}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 2
    resources:
        mem_mb=megabytes(1500),
        runtime=minutes(120),
    script:
        "../workflow_scripts/stored_pictures.py"


rule train:
    input:
        manifest=f"{RESULTS}/manifest/training.csv",
        pictures=lambda wildcards: f"{RESULTS}/pictures/training_{CLASSIFIERS.input_size(wildcards.model)}.h5",
        # What counts is their content, a digest below.
        weights=lambda wildcards: ancient(CLASSIFIERS.weights_files(wildcards.model)),
    output:
        model=f"{RESULTS}/classifiers/{{model}}/model.keras",
        history=f"{RESULTS}/classifiers/{{model}}/history.csv",
        predictions=f"{RESULTS}/classifiers/{{model}}/predictions.csv",
    log:
        f"{RESULTS}/logs/train/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{model}}.tsv"
    wildcard_constraints:
        model=among(CLASSIFIERS.trained),
    conda:
        "../envs/classifier.yaml"
    threads: CONFIGURATION["threads"]["train"]
    resources:
        mem_mb=megabytes(20000),
        runtime=minutes(24 * 60),
        gpu=CONFIGURATION["gpus"],
    params:
        settings=lambda wildcards: CLASSIFIERS.training_settings(wildcards.model),
        classes=CONFIGURATION["classes"],
        seed=CONFIGURATION["seed"],
        weights=lambda wildcards: CLASSIFIERS.weights_digest(wildcards.model),
    script:
        "../workflow_scripts/train.py"


# Of a classifier that is brought along: what it says of pictures that would be held out from a training.
rule classify:
    input:
        classifier=lambda wildcards: CLASSIFIERS.path(wildcards.model),
        manifest=f"{RESULTS}/manifest/training.csv",
        pictures=lambda wildcards: f"{RESULTS}/pictures/training_{CLASSIFIERS.input_size(wildcards.model)}.h5",
    output:
        f"{RESULTS}/classifiers/{{model}}/predictions.csv",
    log:
        f"{RESULTS}/logs/classify/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/classify/{{model}}.tsv"
    wildcard_constraints:
        model=among(CLASSIFIERS.brought),
    conda:
        "../envs/classifier.yaml"
    threads: CONFIGURATION["threads"]["gradcam"]
    resources:
        mem_mb=megabytes(12000),
        runtime=minutes(240),
        gpu=CONFIGURATION["gpus"],
    params:
        classes=lambda wildcards: CLASSIFIERS.classes(wildcards.model),
        logits=lambda wildcards: CLASSIFIERS.logits(wildcards.model),
        batch_size=min(options.get("batch_size", 32) for options in CONFIGURATION["methods"].values()),
    script:
        "../workflow_scripts/classify.py"


rule classifier_metrics:
    input:
        predictions=f"{RESULTS}/classifiers/{{model}}/predictions.csv",
        manifest=f"{RESULTS}/manifest/training.csv",
    output:
        f"{RESULTS}/classifiers/{{model}}/metrics.csv",
    log:
        f"{RESULTS}/logs/classifier_metrics/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/classifier_metrics/{{model}}.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        classes=lambda wildcards: CLASSIFIERS.classes(wildcards.model),
        is_brought=lambda wildcards: wildcards.model in CLASSIFIERS.brought,
        seed=CONFIGURATION["seed"],
        published=lambda wildcards: published_metrics(wildcards.model),
    script:
        "../workflow_scripts/classifier_metrics.py"


rule confusion:
    input:
        f"{RESULTS}/classifiers/{{model}}/predictions.csv",
    output:
        f"{RESULTS}/figures/classifiers/{{model}}_confusion.png",
        f"{RESULTS}/figures/classifiers/{{model}}_confusion.svg",
    log:
        f"{RESULTS}/logs/confusion/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/confusion/{{model}}.tsv"
    wildcard_constraints:
        model=among(MODELS),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        function="confusion",
        arguments=lambda wildcards: dict(
            classes=CLASSIFIERS.classes(wildcards.model),
            name=wildcards.model,
            note="" if wildcards.model in CLASSIFIERS.trained else "brought along: these pictures may have trained it",
        ),
    script:
        "../workflow_scripts/figure.py"


# Each class against the rest.
use rule confusion as roc with:
    output:
        f"{RESULTS}/figures/classifiers/{{model}}_roc.png",
        f"{RESULTS}/figures/classifiers/{{model}}_roc.svg",
    log:
        f"{RESULTS}/logs/roc/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/roc/{{model}}.tsv"
    localrule: True  # not inherited
    params:
        function="roc",


# How often predictions are right, by confidence.
use rule confusion as reliability with:
    output:
        f"{RESULTS}/figures/classifiers/{{model}}_reliability.png",
        f"{RESULTS}/figures/classifiers/{{model}}_reliability.svg",
    log:
        f"{RESULTS}/logs/reliability/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/reliability/{{model}}.tsv"
    localrule: True  # not inherited
    params:
        function="reliability",


use rule confusion as learning_curves with:
    input:
        f"{RESULTS}/classifiers/{{model}}/history.csv",
    output:
        f"{RESULTS}/figures/classifiers/{{model}}_history.png",
        f"{RESULTS}/figures/classifiers/{{model}}_history.svg",
    log:
        f"{RESULTS}/logs/learning_curves/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/learning_curves/{{model}}.tsv"
    wildcard_constraints:
        model=among(CLASSIFIERS.trained),
    localrule: True  # not inherited
    params:
        function="learning_curves",
        arguments=lambda wildcards: dict(
            criterion=CLASSIFIERS.models[wildcards.model]["training"]["best_epoch_by"], name=wildcards.model
        ),
