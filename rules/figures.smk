# Figures, each as PNG and SVG. `function` is what draws: one of dermalign.results.figures.

WANTED += expand(
    "{results}/figures/{name}.{suffix}",
    results=RESULTS,
    name=["jaccard_by_threshold", "mean_curves"],
    suffix=["png", "svg"],
)


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
        function="mean_curves",
        arguments=dict(
            features=FEATURES,
            methods=SOURCES.methods(METHOD, VARIANT, INDEPENDENT),
            models=MODELS,
            controls=SOURCES.chance_methods,
        ),
    script:
        "../workflow_scripts/figure.py"


use rule mean_curves as jaccard_by_threshold with:
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
    localrule: True  # not inherited
    params:
        function="jaccard_by_threshold",
        arguments=dict(features=FEATURES, models=MODELS, controls=SOURCES.chance_methods),
