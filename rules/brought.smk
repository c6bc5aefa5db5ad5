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
