# The overlap: maps joined with mask cells, then one shard per feature and threshold.


rule overlap_curves:
    input:
        maps=f"{RESULTS}/maps/{{model}}/{{method}}.h5",
        cells=expand("{results}/cells/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
    output:
        f"{RESULTS}/curves/{{model}}/{{method}}.h5",
    log:
        f"{RESULTS}/logs/overlap_curves/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/overlap_curves/{{model}}/{{method}}.tsv"
    wildcard_constraints:
        # A reader's come from the masks, see rules/feedback.smk.
        model=among(owner for owner in SOURCES.owners if owner != READER_OWNER),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        is_sample=lambda wildcards: f"{wildcards.model}/{wildcards.method}" in SAMPLED,
    script:
        "../workflow_scripts/overlap_curves.py"


# A rule per block of thresholds that came into the grid together (see dermalign.study.shard_blocks): the script reads
# thresholds off the names of its outputs, so that nothing but new shards is made for a new threshold.
for number, thresholds in enumerate(BLOCKS):
    if thresholds:

        rule:
            name:
                f"jaccard_{number}"
            input:
                f"{RESULTS}/curves/{{model}}/{{method}}.h5",
            output:
                expand(
                    "{results}/jaccard/{{model}}/{{method}}/{feature}/{threshold}.csv",
                    results=RESULTS,
                    feature=FEATURES,
                    threshold=thresholds,
                ),
            log:
                f"{RESULTS}/logs/jaccard/{{model}}/{{method}}/{number}.log",
            benchmark:
                f"{RESULTS}/benchmarks/jaccard/{{model}}/{{method}}/{number}.tsv"
            localrule: True
            conda:
                "../envs/analysis.yaml"
            resources:
                mem_mb=megabytes(1000),
                runtime=minutes(30),
            script:
                "../workflow_scripts/jaccard.py"


# Sources of maps that are the same everywhere, for which no threshold is best.
CONSTANT = [source.path for source in SOURCES if source.kind.constant]


# Off the grid: J is a step function of the threshold, so its best value is known exactly.
rule exact_thresholds:
    input:
        f"{RESULTS}/curves/{{model}}/{{method}}.h5",
    output:
        thresholds=f"{RESULTS}/exact/{{model}}/{{method}}/exact_thresholds.csv",
        pictures=f"{RESULTS}/exact/{{model}}/{{method}}/picture_thresholds.csv",
        curves=f"{RESULTS}/exact/{{model}}/{{method}}/mean_curves.csv",
    log:
        f"{RESULTS}/logs/exact_thresholds/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/exact_thresholds/{{model}}/{{method}}.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        is_constant=lambda wildcards: f"{wildcards.model}/{wildcards.method}" in CONSTANT,
    script:
        "../workflow_scripts/exact_thresholds.py"
