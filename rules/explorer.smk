# The threshold explorer: a static page of all pictures, maps and masks, and one page with a selection to be sent by mail.

EXPLORER = CONFIGURATION["explorer"]
if EXPLORER["folder"]:
    WANTED.append(f"{RESULTS}/explorer/index.html")
if EXPLORER["pictures"]:
    WANTED.append(f"{RESULTS}/explorer/selection.html")

# Of which classifiers there are scores of all classes, and where: the stores of what predicts for each.
SCORED = {} if MISSING else {model: SOURCES.predicting(model) for model in MODELS if SOURCES.predicting(model)}
# What has maps of pictures to be looked at: what explains classifiers, and what belongs to none. Controls are lines beside
# their curves.
SHOWN_SOURCES = [
    source for source in SOURCES if source.kind.family in (METHOD, VARIANT, SEGMENTATION, INDEPENDENT, READER)
]


# Pictures and outlines follow from the archives alone: a new threshold or classifier decodes none again.
rule explorer_pictures:
    input:
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        lesion_masks=ancient(LESION_MASKS),
        # Which of them show a feature, of this batch alone: the manifest is of all, and anew with any picture.
        cells=f"{RESULTS}/cells/{{batch}}.h5",
        drawn=ARCHIVES.drawn,
    output:
        directory(f"{RESULTS}/explorer/pictures/{{batch}}"),
    log:
        f"{RESULTS}/logs/explorer_pictures/{{batch}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer_pictures/{{batch}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(60),
    params:
        images=lambda wildcards: [image for image in MASK_BATCHES[wildcards.batch] if image in set(DIAGNOSED)],
        reading=READING,
        side=EXPLORER["side"],
        pictures=lambda wildcards: ARCHIVES.pictures_digest("evaluation_pictures", MASK_BATCHES[wildcards.batch]),
        masks=lambda wildcards: ARCHIVES.masks_digest(MASK_BATCHES[wildcards.batch]),
        lesions=lambda wildcards: (
            ARCHIVES.lesion_masks_digest(MASK_BATCHES[wildcards.batch]) if LESION_MASKS else None
        ),
    script:
        "../workflow_scripts/explorer_pictures.py"


rule explorer:
    input:
        pictures=expand("{results}/explorer/pictures/{batch}", results=RESULTS, batch=MASK_BATCHES),
        cells=expand("{results}/cells/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        ceilings=expand("{results}/ceilings/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        maps=[f"{RESULTS}/maps/{source.path}.h5" for source in SHOWN_SOURCES],
        curves=[f"{RESULTS}/curves/{source.path}.h5" for source in SHOWN_SOURCES],
        stores=[
            f"{RESULTS}/saliency/{source.path}/{image}.h5"
            for source in SCORED.values()
            for images in SOURCES.batches(source).values()
            for image in images
        ],
        predictions=[evaluation_predictions(model) for model in SCORED],
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
        mean_curves=f"{RESULTS}/statistics/mean_curves.csv",
        ceiling_means=f"{RESULTS}/statistics/ceilings.csv",
    output:
        page=f"{RESULTS}/explorer/index.html",
        assets=directory(f"{RESULTS}/explorer/assets"),
        data=directory(f"{RESULTS}/explorer/data"),
    log:
        f"{RESULTS}/logs/explorer.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        study=dict(
            study=CONFIGURATION["study"],
            features=FEATURES,
            classes={model: CLASSIFIERS.classes(model) for model in SCORED},
        ),
        sources=[shown_source(source) for source in SHOWN_SOURCES],
        predictions={model: evaluation_predictions(model)[0] for model in SCORED},
        stores={model: f"{RESULTS}/saliency/{source.path}" for model, source in SCORED.items()},
        pictures=None,
        assets=folder_digest(SCRIPTS / "dermalign" / "explorer" / "assets"),
    script:
        "../workflow_scripts/explorer.py"


use rule explorer as explorer_selection with:
    output:
        page=f"{RESULTS}/explorer/selection.html",
    log:
        f"{RESULTS}/logs/explorer_selection.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer_selection.tsv"
    localrule: True  # not inherited
    params:
        pictures=EXPLORER["pictures"],
