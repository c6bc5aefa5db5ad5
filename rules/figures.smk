# Figures of statistics, each as PNG and SVG. `function` is what draws: one of dermalign.results.figures.

# Of the grid's thresholds the nearest to that which the histograms are asked for, the lower one on a tie.
HISTOGRAM_THRESHOLD = min(
    THRESHOLDS, key=lambda name: round(abs(float(name) - CONFIGURATION["histogram_threshold"]), 9)
)

WANTED += expand(
    "{results}/figures/{name}.{suffix}",
    results=RESULTS,
    name=["figure3", "groups", "jaccard_by_threshold", "mean_curves"],
    suffix=["png", "svg"],
)


# Ceilings, several times as high as what models reach, have a figure of their own.
CEILING_PATHS = [source.path for source in SOURCES if source.kind.family == CEILING]
# What chance makes of segmentation networks' maps is in the tables: models have their own.
LEFT_OUT = CEILING_PATHS + [
    source.path for source in SOURCES if source.kind.family == CHANCE and source.model in STUDY.networks
]


localrules:
    figures,


# On request, `snakemake figures`: all figures, those of other files of rules, too.
rule figures:
    input:
        lambda wildcards: [path for path in everything(wildcards) if path.startswith(f"{RESULTS}/figures/")],


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
            methods=SOURCES.methods(METHOD, VARIANT, SEGMENTATION, INDEPENDENT, READER),
            models=MODELS,
            controls=list(SOURCES.controls),
            left_out=LEFT_OUT,
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
        arguments=dict(
            features=FEATURES,
            models=MODELS,
            controls=list(SOURCES.controls),
            left_out=LEFT_OUT,
        ),


# How J is distributed over the pictures of each feature, at one threshold.
use rule mean_curves as figure3 with:
    input:
        shards=expand(
            "{results}/jaccard/{model}/{method}/{feature}/{threshold}.csv",
            results=RESULTS,
            model=MODELS,
            method=FIRST_METHOD,
            feature=FEATURES,
            threshold=HISTOGRAM_THRESHOLD,
        ),
    output:
        f"{RESULTS}/figures/figure3.png",
        f"{RESULTS}/figures/figure3.svg",
    log:
        f"{RESULTS}/logs/figure3.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure3.tsv"
    localrule: True  # not inherited
    params:
        function="histograms",
        arguments=dict(threshold=HISTOGRAM_THRESHOLD, asked=CONFIGURATION["histogram_threshold"]),


# How J of the union is distributed in each group.
use rule mean_curves as groups_figure with:
    input:
        shards=[shard for model in MODELS for shard in union_shards(model)],
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        predictions=[evaluation_predictions(model) for model in MODELS],
    output:
        f"{RESULTS}/figures/groups.png",
        f"{RESULTS}/figures/groups.svg",
    log:
        f"{RESULTS}/logs/groups_figure.log",
    benchmark:
        f"{RESULTS}/benchmarks/groups_figure.tsv"
    localrule: True  # not inherited
    params:
        function="groups",
        arguments=dict(groups=STUDY.groups),
