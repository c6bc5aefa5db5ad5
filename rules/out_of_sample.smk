# Best thresholds out of sample: chosen on some lesions, J reported on the others.

WANTED += multiext(f"{RESULTS}/tables/extended_out_of_sample", *TABLE_SUFFIXES)


rule out_of_sample:
    input:
        shards=tested_shards(SOURCES.saliency_methods, FEATURES),
        # Which lesion a picture shows; what counts is the table's content, a digest below.
        lesions=ancient(LESION_TABLES),
        drawn=ARCHIVES.drawn if LESION_TABLES else [],
    output:
        f"{RESULTS}/statistics/out_of_sample.csv",
    log:
        f"{RESULTS}/logs/out_of_sample.log",
    benchmark:
        f"{RESULTS}/benchmarks/out_of_sample.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        validation=CONFIGURATION["out_of_sample"],
        lesions=lambda wildcards: ARCHIVES.table_digests(LESION_TABLES),
        resampled_by=CONFIGURATION["resampled_by"],
        seed=CONFIGURATION["seed"],
    script:
        "../workflow_scripts/out_of_sample.py"


use rule table1 as extended_out_of_sample with:
    input:
        out_of_sample=f"{RESULTS}/statistics/out_of_sample.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_out_of_sample", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_out_of_sample.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_out_of_sample.tsv"
    localrule: True  # not inherited
    params:
        function="extended_out_of_sample",
        arguments={},
        caption=captions.extended_out_of_sample(),
        blocks=["model", "method"],
