# Which pictures train, and which evaluation pictures the classifiers may have seen.

METADATA = [ARCHIVES.path("training_metadata")] if ARCHIVES.path("training_metadata") else []
BY_CONTENT = CONFIGURATION["leakage"] == "exclude_content"
WANTED.append(f"{RESULTS}/manifest/leakage.csv")


rule training_manifest:
    input:
        pictures=ancient(ARCHIVES.path("training_pictures")),
        labels=ancient(ARCHIVES.path("training_labels")),
        metadata=ancient(METADATA),
        training_hashes=[HASHES["training"]] if BY_CONTENT else [],
        evaluation_hashes=[HASHES["evaluation"]] if BY_CONTENT else [],
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/manifest/training.csv",
    log:
        f"{RESULTS}/logs/training_manifest.log",
    benchmark:
        f"{RESULTS}/benchmarks/training_manifest.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        evaluation_images=lambda wildcards: ARCHIVES.evaluated_among_training(),
        classes=CONFIGURATION["classes"],
        leakage=CONFIGURATION["leakage"],
        # Which pictures' copies are left out, and how alike a copy is: for exclude_content alone.
        content=lambda wildcards: (
            {"images": ARCHIVES.archived_images, "distance": CONFIGURATION["leakage_distance"]} if BY_CONTENT else None
        ),
        split=CONFIGURATION["split"],
        seed=CONFIGURATION["seed"],
        limit=CONFIGURATION.get("training_limit"),
        set_aside=dict(ARCHIVES.set_aside.training),
        pictures=lambda wildcards: ARCHIVES.pictures_digest("training_pictures"),
        tables=lambda wildcards: ARCHIVES.table_digests([ARCHIVES.path("training_labels"), *METADATA]),
    script:
        "../workflow_scripts/training_manifest.py"


# By name, by lesion and by content.
rule leakage_account:
    input:
        training=f"{RESULTS}/manifest/training.csv",
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        metadata=ancient(METADATA),
        training_hashes=HASHES["training"],
        evaluation_hashes=HASHES["evaluation"],
        drawn=ARCHIVES.drawn,
    output:
        account=f"{RESULTS}/manifest/leakage.csv",
        summary=f"{RESULTS}/manifest/leakage_summary.csv",
    log:
        f"{RESULTS}/logs/leakage_account.log",
    benchmark:
        f"{RESULTS}/benchmarks/leakage_account.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        leakage=CONFIGURATION["leakage"],
        distance=CONFIGURATION["leakage_distance"],
        tables=lambda wildcards: ARCHIVES.table_digests(METADATA),
    script:
        "../workflow_scripts/leakage_account.py"
