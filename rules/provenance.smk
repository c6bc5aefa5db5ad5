# What the study was made from, and an index of all that it gave. Included last: it follows on everything else.

RESULT_FILES = list(WANTED)
WANTED += [f"{RESULTS}/study.json", f"{RESULTS}/README.md"]


# Every byte of the archives is read once; again where their content, a digest below, is another one.
rule archive_digests:
    input:
        archives=ancient(sorted(set(ARCHIVES.files.values()))),
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/manifest/archives.csv",
    log:
        f"{RESULTS}/logs/archive_digests.log",
    benchmark:
        f"{RESULTS}/benchmarks/archive_digests.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(120),
    params:
        paths=ARCHIVES.files,
        content=lambda wildcards: ARCHIVES.file_digests(),
    script:
        "../workflow_scripts/archive_digests.py"


rule study_record:
    input:
        RESULT_FILES,
        archives=f"{RESULTS}/manifest/archives.csv",
        classifiers=[CLASSIFIERS.path(model) for model in MODELS],
        training=[f"{RESULTS}/manifest/training.csv"] if ARCHIVES.has_training_pictures else [],
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
    output:
        record=f"{RESULTS}/study.json",
        index=f"{RESULTS}/README.md",
    log:
        f"{RESULTS}/logs/study_record.log",
    benchmark:
        f"{RESULTS}/benchmarks/study_record.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        configuration=CONFIGURATION,
        method=FIRST_METHOD,
    script:
        "../workflow_scripts/study_record.py"
