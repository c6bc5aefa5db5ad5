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
        set_aside=dict(ARCHIVES.set_aside.evaluation),
        tables=lambda wildcards: ARCHIVES.table_digests(ARCHIVES.diagnosis_tables),
    script:
        "../workflow_scripts/evaluation_manifest.py"


# The hashes of both archives' pictures; of one archive for both they are computed once.
HASHED = {
    "training": "training",
    "evaluation": (
        "training" if ARCHIVES.path("evaluation_pictures") == ARCHIVES.path("training_pictures") else "evaluation"
    ),
}
HASHES = {key: f"{RESULTS}/hashes/{archive}.csv" for key, archive in HASHED.items()}


rule perceptual_hashes:
    input:
        pictures=ancient(lambda wildcards: ARCHIVES.path(f"{wildcards.archive}_pictures")),
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/hashes/{{archive}}.csv",
    log:
        f"{RESULTS}/logs/perceptual_hashes/{{archive}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/perceptual_hashes/{{archive}}.tsv"
    wildcard_constraints:
        archive="training|evaluation",
    conda:
        "../envs/analysis.yaml"
    threads: 2
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(120),
    params:
        pictures=lambda wildcards: ARCHIVES.pictures_digest(f"{wildcards.archive}_pictures"),
        set_aside=lambda wildcards: list(ARCHIVES.set_aside.of(wildcards.archive)),
    script:
        "../workflow_scripts/perceptual_hashes.py"
