# Figures, each as PNG and SVG.


rule jaccard_by_threshold:
    input:
        f"{RESULTS}/statistics/thresholds.csv",
    output:
        f"{RESULTS}/figures/jaccard_by_threshold.png",
        f"{RESULTS}/figures/jaccard_by_threshold.svg",
    log:
        f"{RESULTS}/logs/jaccard_by_threshold.log",
    benchmark:
        f"{RESULTS}/benchmarks/jaccard_by_threshold.tsv"
    # The longest of the last jobs goes first.
    priority: 1
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        features=FEATURES,
        chance_methods=SOURCES.chance_methods,
    script:
        "../workflow_scripts/jaccard_by_threshold.py"


rule mean_curves:
    input:
        f"{RESULTS}/statistics/mean_curves.csv",
    output:
        f"{RESULTS}/figures/mean_curves.png",
        f"{RESULTS}/figures/mean_curves.svg",
    log:
        f"{RESULTS}/logs/mean_curves.log",
    benchmark:
        f"{RESULTS}/benchmarks/mean_curves.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        features=FEATURES,
        methods=SOURCES.saliency_methods,
    script:
        "../workflow_scripts/mean_curves.py"
