# Map sources: whatever gives a map per picture. The registry says which kinds there are and what each needs,
# workflow_scripts/dermalign/study/sources.py. Sources that ask a classifier are computed in batches, one store per
# picture, then gathered; those that one pass through it serves, as all CAM methods of a model, by the same jobs. All
# others are made at once.

# The paths of stores are written out, not built from wildcards: Snakemake then finds a store's rule by its name at
# once, where it would have to try every batch's pattern (seconds instead of minutes for 25,000 pictures).
for job in JOBS:
    for batch, images in SOURCES.batches(job[0]).items():

        rule:
            name:
                f"{job[0].method}_{job[0].model}_{batch}"
            input:
                classifier=CLASSIFIERS.path(job[0].model),
                pictures=ancient(ARCHIVES.path("evaluation_pictures")),
                drawn=ARCHIVES.drawn,
            output:
                [f"{RESULTS}/saliency/{source.path}/{image}.h5" for source in job for image in images],
            log:
                f"{RESULTS}/logs/saliency/{job[0].path}/{batch}.log",
            benchmark:
                f"{RESULTS}/benchmarks/saliency/{job[0].path}/{batch}.tsv"
            conda:
                "../envs/classifier.yaml"
            threads: CONFIGURATION["threads"]["gradcam"]
            resources:
                mem_mb=megabytes(16000),
                runtime=minutes(120),
                gpu=CONFIGURATION["gpus"],
            params:
                model=job[0].model,
                methods={source.method: SOURCES.asked(source) for source in job},
                asked=lambda wildcards, job=job, images=images: asked_of_job(job, images),
                inputs=SOURCES.job_inputs(job),
                content=lambda wildcards, images=images: ARCHIVES.pictures_digest("evaluation_pictures", images),
                code=code_of("explain.py", *(module for source in job for module in source.kind.modules)),
            script:
                "../workflow_scripts/explain.py"


rule gather_maps:
    input:
        stores_of_source,
    output:
        f"{RESULTS}/maps/{{model}}/{{method}}.h5",
    log:
        f"{RESULTS}/logs/gather_maps/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/gather_maps/{{model}}/{{method}}.tsv"
    wildcard_constraints:
        model=among([*CLASSIFIERS.models, *STUDY.networks]),
        method=among([*(source.method for job in JOBS for source in job), *(source.method for source in SEGMENTED)]),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(60),
    script:
        "../workflow_scripts/gather_maps.py"


# Predictions belong to a model: every method's stores have the same.
for model in CLASSIFIERS.models:

    rule:
        name:
            f"evaluation_predictions_{model}"
        input:
            [
                f"{RESULTS}/saliency/{source.path}/{image}.h5"
                for source in [SOURCES.predicting(model)]
                if source
                for image in DIAGNOSED
            ],
        output:
            evaluation_predictions(model),
        log:
            f"{RESULTS}/logs/evaluation_predictions/{model}.log",
        benchmark:
            f"{RESULTS}/benchmarks/evaluation_predictions/{model}.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(10),
        script:
            "../workflow_scripts/evaluation_predictions.py"


for source in MADE_AT_ONCE:

    rule:
        name:
            f"maps_{source.model}_{source.method}"
        input:
            maps=[f"{RESULTS}/maps/{source.of.path}.h5"] if source.needs(MAPS) else [],
            pictures=ancient([ARCHIVES.path("evaluation_pictures")] if source.needs(PICTURES) else []),
            cells=(
                expand("{results}/cells/{batch}.h5", results=RESULTS, batch=MASK_BATCHES)
                if source.needs(MASKS)
                else []
            ),
            # What counts of tables and archives is their content, a digest below.
            lesions=ancient(LESION_TABLES if source.needs(LESIONS) else []),
            lesion_masks=ancient([ARCHIVES.lesion_archive] if source.needs(LESION_MASKS) else []),
            reader_masks=[f"{RESULTS}/feedback/{source.method}/masks.zip"] if source.needs(READER_MASKS) else [],
            drawn=ARCHIVES.drawn if source.needs(LESIONS) or source.needs(LESION_MASKS) else [],
            evaluation=[] if source.needs(MAPS) or source.needs(READER_MASKS) else f"{RESULTS}/manifest/evaluation.csv",
        output:
            f"{RESULTS}/maps/{source.path}.h5",
        log:
            f"{RESULTS}/logs/maps/{source.path}.log",
        benchmark:
            f"{RESULTS}/benchmarks/maps/{source.path}.tsv"
        localrule: not source.needs(PICTURES)
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(120),
        params:
            compute=source.kind.compute,
            called_by=source.kind.called_by,
            options=source.options,
            inputs=SOURCES.inputs(source),
            content=lambda wildcards, source=source: [
                *(ARCHIVES.table_digests(LESION_TABLES) if source.needs(LESIONS) else []),
                *([ARCHIVES.lesion_masks_digest(DIAGNOSED)] if source.needs(LESION_MASKS) else []),
            ],
            code=code_of("map_source.py", *source.kind.modules),
        script:
            "../workflow_scripts/map_source.py"
