# The upper reference: segmentation networks, one for each fold of the pictures with masks, each picture mapped by the one
# that saw neither it nor a copy of it. What trains them follows from the archives alone: no new grid, method or threshold
# trains one again.

SEGMENTATION_SETTINGS = CONFIGURATION["segmentation"]
MASKED = [image for images in MASK_BATCHES.values() for image in images]
FOLDS_TABLE = f"{RESULTS}/manifest/folds.csv"
WANTED.append(f"{RESULTS}/manifest/folds_leakage.csv")


rule segmentation_targets:
    input:
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/segmentation/targets_{{cells}}.h5",
    log:
        f"{RESULTS}/logs/segmentation_targets/{{cells}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/segmentation_targets/{{cells}}.tsv"
    wildcard_constraints:
        cells="[0-9]+",
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(240),
    params:
        images=lambda wildcards: MASKED,
        features=CONFIGURATION["features"],
        mask_options=ARCHIVES.mask_options,
        # That of the pictures, too, whose sizes masks must have.
        pictures=lambda wildcards: ARCHIVES.pictures_digest("evaluation_pictures", MASKED),
        masks=lambda wildcards: ARCHIVES.masks_digest(MASKED),
    script:
        "../workflow_scripts/segmentation_targets.py"


rule segmentation_folds:
    input:
        targets=segmentation_inputs(next(iter(STUDY.networks)))["targets"],
        hashes=HASHES["evaluation"],
        lesions=ancient(LESION_TABLES),
        drawn=ARCHIVES.drawn,
    output:
        folds=FOLDS_TABLE,
        leakage=f"{RESULTS}/manifest/folds_leakage.csv",
    log:
        f"{RESULTS}/logs/segmentation_folds.log",
    benchmark:
        f"{RESULTS}/benchmarks/segmentation_folds.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        folds=SEGMENTATION_SETTINGS["folds"],
        validation=SEGMENTATION_SETTINGS["validation"],
        distance=CONFIGURATION["leakage_distance"],
        seed=CONFIGURATION["seed"],
        tables=lambda wildcards: ARCHIVES.table_digests(LESION_TABLES),
    script:
        "../workflow_scripts/segmentation_folds.py"


rule evaluation_pictures:
    input:
        manifest=FOLDS_TABLE,
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/pictures/evaluation_{{input_size}}.h5",
    log:
        f"{RESULTS}/logs/evaluation_pictures/{{input_size}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluation_pictures/{{input_size}}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 2
    resources:
        mem_mb=megabytes(1500),
        runtime=minutes(120),
    params:
        content=lambda wildcards: ARCHIVES.pictures_digest("evaluation_pictures", MASKED),
    script:
        "../workflow_scripts/stored_pictures.py"


for network in STUDY.networks:

    rule:
        name:
            f"train_segmentation_{network}"
        input:
            **segmentation_inputs(network),
            folds=FOLDS_TABLE,
            # What counts is their content, a digest below.
            weights=ancient(CLASSIFIERS.weights_files(network)),
            classifier=start_from(network),
        output:
            model=f"{RESULTS}/segmentation/{network}/fold_{{fold}}/model.keras",
            history=f"{RESULTS}/segmentation/{network}/fold_{{fold}}/history.csv",
        log:
            f"{RESULTS}/logs/segmentation/{network}/fold_{{fold}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/segmentation/{network}/fold_{{fold}}.tsv"
        wildcard_constraints:
            fold=among(map(str, FOLDS)),
        conda:
            "../envs/classifier.yaml"
        threads: CONFIGURATION["threads"]["train"]
        resources:
            mem_mb=megabytes(20000),
            runtime=minutes(24 * 60),
            gpu=CONFIGURATION["gpus"],
        params:
            settings=network_settings(network),
            seed=CONFIGURATION["seed"],
            weights=lambda wildcards, network=network: CLASSIFIERS.weights_digest(network),
        script:
            "../workflow_scripts/train_segmentation.py"


for source in SEGMENTED:
    for batch, images in SOURCES.batches(source).items():

        rule:
            name:
                f"{source.method}_{source.model}_{batch}"
            input:
                networks=NETWORK_FILES[source.model],
                folds=FOLDS_TABLE,
                pictures=ancient(ARCHIVES.path("evaluation_pictures")),
                drawn=ARCHIVES.drawn,
            output:
                [f"{RESULTS}/saliency/{source.path}/{image}.h5" for image in images],
            log:
                f"{RESULTS}/logs/saliency/{source.path}/{batch}.log",
            benchmark:
                f"{RESULTS}/benchmarks/saliency/{source.path}/{batch}.tsv"
            conda:
                "../envs/classifier.yaml"
            threads: CONFIGURATION["threads"]["gradcam"]
            resources:
                mem_mb=megabytes(8000),
                runtime=minutes(120),
                gpu=CONFIGURATION["gpus"],
            params:
                network=source.model,
                method=source.method,
                features=FEATURES,
                input_size=STUDY.networks[source.model]["input_size"],
                batch_size=STUDY.networks[source.model]["training"]["batch_size"],
                content=lambda wildcards, images=images: ARCHIVES.pictures_digest("evaluation_pictures", images),
            script:
                "../workflow_scripts/segment.py"
