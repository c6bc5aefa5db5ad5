# Classifiers that are brought along: adopted instead of trained, then as all others.

for model in [] if MISSING else STUDY.brought:

    rule:
        name:
            f"adopt_{model}"
        input:
            ancient(or_stop(STUDY.classifier_files, model)),
        output:
            STUDY.classifier(model),
        log:
            f"{RESULTS}/logs/adopt/{model}.log",
        benchmark:
            f"{RESULTS}/benchmarks/adopt/{model}.tsv"
        conda:
            "../envs/classifier.yaml"
        threads: 1
        resources:
            mem_mb=megabytes(8000),
            runtime=minutes(30),
        params:
            model=model,
            settings=STUDY.adoption(model),
            content=STUDY.classifier_digest(model),
            library=library_digest("adoption"),
        script:
            "../workflow_scripts/adopt_classifier.py"


rule classify:
    input:
        classifier=lambda wildcards: STUDY.classifier(wildcards.model),
        manifest=f"{RESULTS}/manifest/training.csv",
        pictures=lambda wildcards: f"{RESULTS}/pictures/training_{STUDY.input_size(wildcards.model)}.h5",
    output:
        f"{RESULTS}/classifiers/{{model}}/predictions.csv",
    log:
        f"{RESULTS}/logs/classify/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/classify/{{model}}.tsv"
    wildcard_constraints:
        model=among(STUDY.brought),
    conda:
        "../envs/classifier.yaml"
    threads: CONFIGURATION["threads"]["gradcam"]
    resources:
        mem_mb=megabytes(12000),
        runtime=minutes(240),
        gpu=CONFIGURATION["gpus"],
    params:
        classes=lambda wildcards: STUDY.classes(wildcards.model),
        logits=lambda wildcards: STUDY.saliency_settings(wildcards.model)["logits"],
        batch_size=CONFIGURATION["methods"]["gradcam"]["batch_size"],
        library=library_digest("classification", "manifests"),
    script:
        "../workflow_scripts/classify.py"


rule confusion_figure:
    input:
        predictions=f"{RESULTS}/classifiers/{{model}}/predictions.csv",
    output:
        confusion_png=f"{RESULTS}/figures/classifiers/{{model}}_confusion.png",
        confusion_svg=f"{RESULTS}/figures/classifiers/{{model}}_confusion.svg",
    log:
        f"{RESULTS}/logs/confusion_figure/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/confusion_figure/{{model}}.tsv"
    wildcard_constraints:
        model=among(STUDY.brought),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        classes=lambda wildcards: STUDY.classes(wildcards.model),
        library=library_digest("figures"),
    script:
        "../workflow_scripts/classifier_figures.py"
