# On request, `snakemake challenge`: the ISIC challenge view. Thresholded maps as a submission to ISIC 2018 Task 2, at each
# feature's best threshold, and the scores that the challenge's scorer gives to it.


localrules:
    challenge,


rule challenge:
    input:
        [
            f"{RESULTS}/challenge/{source.path}/scores.csv"
            for source in SOURCES
            if source.needs(CLASSIFIER) or source.needs(NETWORKS)
            if not SOURCES.is_sample(source)
        ],


rule challenge_masks:
    input:
        maps=f"{RESULTS}/maps/{{model}}/{{method}}.h5",
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
        curves=f"{RESULTS}/curves/{{model}}/{{method}}.h5",
    output:
        masks=directory(f"{RESULTS}/challenge/{{model}}/{{method}}/masks"),
        scores=f"{RESULTS}/challenge/{{model}}/{{method}}/scores.csv",
    log:
        f"{RESULTS}/logs/challenge/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/challenge/{{model}}/{{method}}.tsv"
    wildcard_constraints:
        method=among([*SOURCES.saliency_methods, *(source.method for source in SEGMENTED)]),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(240),
    params:
        features=CONFIGURATION["features"],
    script:
        "../workflow_scripts/challenge_masks.py"
