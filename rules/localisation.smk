# Where maps point, without a threshold: measured per picture from maps and mask cells, then averaged with intervals.


rule localisation:
    input:
        maps=f"{RESULTS}/maps/{{model}}/{{method}}.h5",
        cells=expand("{results}/cells/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
    output:
        f"{RESULTS}/localisation/{{model}}/{{method}}.csv",
    log:
        f"{RESULTS}/logs/localisation/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/localisation/{{model}}/{{method}}.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        is_sample=lambda wildcards: f"{wildcards.model}/{wildcards.method}" in SAMPLED,
    script:
        "../workflow_scripts/localisation.py"


rule localisation_statistics:
    input:
        **LESIONS_INPUT,
        measured=expand(
            "{results}/localisation/{source}.csv", results=RESULTS, source=[source.path for source in SOURCES]
        ),
    output:
        f"{RESULTS}/statistics/localisation.csv",
    log:
        f"{RESULTS}/logs/localisation_statistics.log",
    benchmark:
        f"{RESULTS}/benchmarks/localisation_statistics.tsv"
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
        "../workflow_scripts/localisation_statistics.py"


use rule table1 as extended_localisation with:
    input:
        localisation=f"{RESULTS}/statistics/localisation.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_localisation", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_localisation.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_localisation.tsv"
    localrule: True  # not inherited
    params:
        function="extended_localisation",
        arguments=dict(features=FEATURES),
        caption=captions.extended_localisation(),
        blocks=["feature", "model"],


WANTED += multiext(f"{RESULTS}/tables/extended_localisation", *TABLE_SUFFIXES)
