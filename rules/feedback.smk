# What readers marked and judged in the explorer, read back: as masks, as sources of maps beside the models, as agreement
# between readers, and as labels for a further training. Only of a study that names some under `feedback`.

READERS = FEEDBACK.readers
READER_TABLES = {
    name: expand("{results}/feedback/{reader}/{name}.csv", results=RESULTS, reader=READERS, name=name)
    for name in ("pictures", "labels", "ratings")
}
WANTED += [f"{RESULTS}/feedback/{name}.csv" for name in ("classifiers", "corrected_labels", "left_out_labels")]
WANTED += [f"{RESULTS}/statistics/{name}.csv" for name in (["reader_masks"] if MARKING else []) + ["reader_agreement"]]
WANTED += multiext(f"{RESULTS}/tables/extended_readers", *TABLE_SUFFIXES)


# As with archives, what counts of the files is their content, a digest below.
rule read_feedback:
    input:
        feedback=lambda wildcards: ancient(FEEDBACK.files[wildcards.reader]),
    output:
        masks=f"{RESULTS}/feedback/{{reader}}/masks.zip",
        pictures=f"{RESULTS}/feedback/{{reader}}/pictures.csv",
        labels=f"{RESULTS}/feedback/{{reader}}/labels.csv",
        ratings=f"{RESULTS}/feedback/{{reader}}/ratings.csv",
    log:
        f"{RESULTS}/logs/read_feedback/{{reader}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/read_feedback/{{reader}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        features=CONFIGURATION["features"],
        content=lambda wildcards: FEEDBACK.digests(wildcards.reader),
    script:
        "../workflow_scripts/read_feedback.py"


# Every two masks of one picture, in one decoding of each.
rule reader_overlaps:
    input:
        readers=expand("{results}/feedback/{reader}/masks.zip", results=RESULTS, reader=MARKING),
        masks=ancient(ARCHIVES.path("evaluation_masks")),
        drawn=ARCHIVES.drawn,
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
    output:
        f"{RESULTS}/feedback/overlaps.csv",
    log:
        f"{RESULTS}/logs/reader_overlaps.log",
    benchmark:
        f"{RESULTS}/benchmarks/reader_overlaps.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        readers=MARKING,
        features=CONFIGURATION["features"],
        mask_options=ARCHIVES.mask_options,
        content=lambda wildcards: ARCHIVES.masks_digest(ARCHIVES.evaluation_images),
    script:
        "../workflow_scripts/reader_overlaps.py"


# In the place of `overlap_curves`: regions are compared as they are drawn, not by the cells of a map.
rule reader_curves:
    input:
        overlaps=f"{RESULTS}/feedback/overlaps.csv",
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
    output:
        f"{RESULTS}/curves/{READER_OWNER}/{{method}}.h5",
    log:
        f"{RESULTS}/logs/reader_curves/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/reader_curves/{{method}}.tsv"
    wildcard_constraints:
        method=among(MARKING),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        features=FEATURES,
    script:
        "../workflow_scripts/reader_curves.py"


# The reader's masks as a feature set of its own, compared with the models' maps as the study's masks are.
rule reader_cells:
    input:
        pictures=ancient(ARCHIVES.path("evaluation_pictures")),
        masks=f"{RESULTS}/feedback/{{reader}}/masks.zip",
        drawn=ARCHIVES.drawn,
    output:
        f"{RESULTS}/feedback/{{reader}}/cells.h5",
    log:
        f"{RESULTS}/logs/reader_cells/{{reader}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/reader_cells/{{reader}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(60),
    params:
        features=CONFIGURATION["features"],
        grids=lambda wildcards: sorted({SOURCES.grid(source) for source in EXPLAINED}),
    script:
        "../workflow_scripts/reader_cells.py"


rule reader_mask_curves:
    input:
        maps=f"{RESULTS}/maps/{{model}}/{{method}}.h5",
        cells=f"{RESULTS}/feedback/{{reader}}/cells.h5",
    output:
        f"{RESULTS}/feedback/{{reader}}/curves/{{model}}/{{method}}.h5",
    log:
        f"{RESULTS}/logs/reader_mask_curves/{{reader}}/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/reader_mask_curves/{{reader}}/{{model}}/{{method}}.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    script:
        "../workflow_scripts/reader_mask_curves.py"


rule reader_masks:
    input:
        **LESIONS_INPUT,
        cells=expand("{results}/feedback/{reader}/cells.h5", results=RESULTS, reader=MARKING),
        curves=expand(
            "{results}/feedback/{reader}/curves/{source}.h5",
            results=RESULTS,
            reader=MARKING,
            source=[source.path for source in EXPLAINED],
        ),
    output:
        f"{RESULTS}/statistics/reader_masks.csv",
    log:
        f"{RESULTS}/logs/reader_masks.log",
    benchmark:
        f"{RESULTS}/benchmarks/reader_masks.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
        features=FEATURES,
        thresholds=THRESHOLDS,
    script:
        "../workflow_scripts/reader_masks.py"


# The human benchmark: beside what readers reach, the models' first saliency method on the same pictures.
rule reader_agreement:
    input:
        **LESIONS_INPUT,
        overlaps=f"{RESULTS}/feedback/overlaps.csv",
        labels=READER_TABLES["labels"],
        ratings=READER_TABLES["ratings"],
        curves=[f"{RESULTS}/curves/{model}/{FIRST_METHOD}.h5" for model in MODELS],
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
    output:
        f"{RESULTS}/statistics/reader_agreement.csv",
    log:
        f"{RESULTS}/logs/reader_agreement.log",
    benchmark:
        f"{RESULTS}/benchmarks/reader_agreement.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
        features=FEATURES,
    script:
        "../workflow_scripts/reader_agreement.py"


use rule table1 as extended_readers with:
    input:
        agreement=f"{RESULTS}/statistics/reader_agreement.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_readers", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_readers.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_readers.tsv"
    localrule: True  # not inherited
    params:
        function="extended_readers",
        arguments={},
        caption=captions.extended_readers(UNIT),
        blocks=["measure"],


rule corrected_labels:
    input:
        READER_TABLES["labels"],
    output:
        labels=f"{RESULTS}/feedback/corrected_labels.csv",
        left_out=f"{RESULTS}/feedback/left_out_labels.csv",
    log:
        f"{RESULTS}/logs/corrected_labels.log",
    benchmark:
        f"{RESULTS}/benchmarks/corrected_labels.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        classes=CONFIGURATION["classes"],
    script:
        "../workflow_scripts/corrected_labels.py"


rule classifiers_seen:
    input:
        labels=READER_TABLES["labels"],
        ratings=READER_TABLES["ratings"],
        classifiers=[CLASSIFIERS.path(model) for model in MODELS],
    output:
        f"{RESULTS}/feedback/classifiers.csv",
    log:
        f"{RESULTS}/logs/classifiers_seen.log",
    benchmark:
        f"{RESULTS}/benchmarks/classifiers_seen.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    script:
        "../workflow_scripts/classifiers_seen.py"
