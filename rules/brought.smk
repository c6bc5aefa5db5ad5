# Classifiers that are brought along: adopted instead of trained, then as all others.

for model in [] if MISSING else CLASSIFIERS.brought:

    rule:
        name:
            f"adopt_{model}"
        input:
            ancient(or_stop(CLASSIFIERS.files, model)),
        output:
            CLASSIFIERS.path(model),
        log:
            f"{RESULTS}/logs/adopt/{model}.log",
        benchmark:
            f"{RESULTS}/benchmarks/adopt/{model}.tsv"
        conda:
            "../envs/classifier.yaml"
        resources:
            mem_mb=megabytes(8000),
            runtime=minutes(30),
        params:
            model=model,
            settings=CLASSIFIERS.adoption(model),
            content=CLASSIFIERS.digest(model),
        script:
            "../workflow_scripts/adopt_classifier.py"
