# What the study was made from, an index of all that it gave, and a page that tells it: the last of a run.

WANTED += RECORD


# Every byte of the archives is read once; again where their content, a digest below, is another one.
rule archive_digests:
    input:
        archives=ancient(sorted({*ARCHIVES.files.values(), *FEEDBACK.paths.values()})),
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
        paths={**ARCHIVES.files, **FEEDBACK.paths},
        content=lambda wildcards: [*ARCHIVES.file_digests(), *map(FEEDBACK.digests, FEEDBACK.readers)],
    script:
        "../workflow_scripts/archive_digests.py"


# Neither the commit nor the date is among the params: the record follows on results, and is of the run that made them.
rule study_record:
    input:
        # What plain `snakemake` makes but for this, whichever file of rules adds to it.
        lambda wildcards: [path for path in everything(wildcards) if path not in RECORD],
        archives=f"{RESULTS}/manifest/archives.csv",
        classifiers=[CLASSIFIERS.path(model) for model in MODELS],
        networks=[path for paths in NETWORK_FILES.values() for path in paths],
        made_from=ancient(
            lambda wildcards: sorted(
                {path for model in MODELS for path in CLASSIFIERS.made_from(model)}
                | {path for network in STUDY.networks for path in CLASSIFIERS.weights_files(network)}
            )
        ),
        published=[PUBLISHED_FILE] if PUBLISHED else [],
        training=[f"{RESULTS}/manifest/training.csv"] if ARCHIVES.has_training_pictures else [],
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
    output:
        record=RECORD[0],
        index=RECORD[1],
    log:
        f"{RESULTS}/logs/study_record.log",
    benchmark:
        f"{RESULTS}/benchmarks/study_record.tsv"
    localrule: True
    # It has Keras, whose version is told.
    conda:
        "../envs/classifier.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        configuration=CONFIGURATION,
        # Made from the record, and named in the index before it is there.
        page=RECORD[2],
        kept=[SET_ASIDE_FILE] if ARCHIVES.set_aside else [],
        classifiers=lambda wildcards: {
            model: (CLASSIFIERS.path(model), CLASSIFIERS.made_from(model)) for model in MODELS
        },
        networks=lambda wildcards: {
            network: (paths, CLASSIFIERS.weights_files(network)) for network, paths in NETWORK_FILES.items()
        },
    script:
        "../workflow_scripts/study_record.py"
