# Which pictures are evaluated, each left out with its reason.


rule evaluation_manifest:
    input:
        cells=expand("{results}/cells/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        diagnoses=ancient(ARCHIVES.diagnosis_tables),
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/manifest/evaluation.csv",
    log:
        f"{RESULTS}/logs/evaluation_manifest.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluation_manifest.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        classes=CONFIGURATION["classes"],
        features=CONFIGURATION["features"],
        mask_options=ARCHIVES.mask_options,
        evaluation_diagnoses=CONFIGURATION["evaluation_diagnoses"],
        tables=lambda wildcards: ARCHIVES.table_digests(ARCHIVES.diagnosis_tables),
    script:
        "../workflow_scripts/evaluation_manifest.py"
