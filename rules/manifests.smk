# Which pictures train, which are evaluated, each with its reason.


rule training_manifest:
    input:
        pictures=ancient(STUDY.archive("training_pictures")),
        labels=ancient(STUDY.archive("training_labels")),
        metadata=ancient([STUDY.archive("training_metadata")] if STUDY.archive("training_metadata") else []),
        drawn=DRAWN,
    output:
        f"{RESULTS}/manifest/training.csv",
    log:
        f"{RESULTS}/logs/training_manifest.log",
    benchmark:
        f"{RESULTS}/benchmarks/training_manifest.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        evaluation_images=lambda wildcards, input: STUDY.evaluated_among(input.pictures, input.metadata),
        classes=CONFIGURATION["classes"],
        leakage=CONFIGURATION["leakage"],
        split=CONFIGURATION["split"],
        seed=CONFIGURATION["seed"],
        limit=CONFIGURATION.get("training_limit"),
        pictures=lambda wildcards, input: STUDY.pictures_digest(input.pictures),
        tables=lambda wildcards, input: [content_digest(path) for path in [input.labels, *input.metadata]],
        library=library_digest("manifests"),
    script:
        "../workflow_scripts/training_manifest.py"


rule evaluation_manifest:
    input:
        cells=expand("{results}/cells/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        diagnoses=ancient(STUDY.diagnosis_tables),
        drawn=DRAWN,
    output:
        f"{RESULTS}/manifest/evaluation.csv",
    log:
        f"{RESULTS}/logs/evaluation_manifest.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluation_manifest.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        classes=CONFIGURATION["classes"],
        evaluation_diagnoses=CONFIGURATION["evaluation_diagnoses"],
        tables=lambda wildcards, input: [content_digest(path) for path in input.diagnoses],
        library=library_digest("manifests", "labels"),
    script:
        "../workflow_scripts/evaluation_manifest.py"
