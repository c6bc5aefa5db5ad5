# White pixels per cell of every saliency grid, for all features: one decoding per mask.


rule mask_cells:
    input:
        pictures=ancient(STUDY.archive("evaluation_pictures")),
        masks=ancient(STUDY.archive("evaluation_masks")),
        drawn=DRAWN,
    output:
        f"{RESULTS}/cells/{{batch}}.h5",
    log:
        f"{RESULTS}/logs/mask_cells/{{batch}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/mask_cells/{{batch}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(60),
    params:
        images=lambda wildcards: MASK_BATCHES[wildcards.batch],
        features=CONFIGURATION["features"],
        mask_options=STUDY.mask_options,
        grids=GRIDS,
        pictures=lambda wildcards: STUDY.pictures_digest("evaluation_pictures", MASK_BATCHES[wildcards.batch]),
        masks=lambda wildcards: STUDY.masks_digest(MASK_BATCHES[wildcards.batch]),
        library=library_digest("mask_cells"),
    script:
        "../workflow_scripts/mask_cells.py"
