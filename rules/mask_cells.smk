# What is read off the masks, in one decoding of each: the white pixels per cell of every saliency grid, shapes,
# and the best overlap that maps of so many cells could have.

CEILING_GRIDS = [] if MISSING else SOURCES.ceiling_grids
WANTED.append(f"{RESULTS}/manifest/masks.csv")


rule mask_cells:
    input:
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        drawn=ARCHIVES.drawn,
    output:
        cells=f"{RESULTS}/cells/{{batch}}.h5",
        shapes=f"{RESULTS}/shapes/{{batch}}.csv",
        ceilings=f"{RESULTS}/ceilings/{{batch}}.h5",
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
        mask_options=ARCHIVES.mask_options,
        grids=GRIDS,
        ceiling_grids=CEILING_GRIDS,
        pictures=lambda wildcards: ARCHIVES.pictures_digest("evaluation_pictures", MASK_BATCHES[wildcards.batch]),
        masks=lambda wildcards: ARCHIVES.masks_digest(MASK_BATCHES[wildcards.batch]),
    script:
        "../workflow_scripts/mask_cells.py"


rule mask_table:
    input:
        expand("{results}/shapes/{batch}.csv", results=RESULTS, batch=MASK_BATCHES),
    output:
        f"{RESULTS}/manifest/masks.csv",
    log:
        f"{RESULTS}/logs/mask_table.log",
    benchmark:
        f"{RESULTS}/benchmarks/mask_table.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    script:
        "../workflow_scripts/mask_table.py"
