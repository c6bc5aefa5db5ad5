# The upper reference in the results: what each source reaches of it, and the challenge's aggregation beside the mean of J.

# What stands beside it: what explains classifiers, controls and ceilings.
BESIDE_REFERENCE = [source for source in SOURCES if source.kind.family in (METHOD, VARIANT, *CONTROLS, CEILING)]
# The challenge takes one map of each picture, at a best threshold.
SCORED_BY_CHALLENGE = [
    source
    for source in SOURCES
    if source.kind.family not in (CHANCE, READER) and not source.kind.constant and not SOURCES.is_sample(source)
]
WANTED.append(f"{RESULTS}/statistics/challenge.csv")
WANTED += multiext(f"{RESULTS}/tables/extended_challenge", *TABLE_SUFFIXES)


rule challenge_statistics:
    input:
        **LESIONS_INPUT,
        curves=[f"{RESULTS}/curves/{source.path}.h5" for source in SCORED_BY_CHALLENGE],
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
    output:
        f"{RESULTS}/statistics/challenge.csv",
    log:
        f"{RESULTS}/logs/challenge_statistics.log",
    benchmark:
        f"{RESULTS}/benchmarks/challenge_statistics.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
        features=CONFIGURATION["features"],
    script:
        "../workflow_scripts/challenge_statistics.py"


use rule table1 as extended_challenge with:
    input:
        challenge=f"{RESULTS}/statistics/challenge.csv",
        best=f"{RESULTS}/statistics/best_thresholds.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_challenge", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_challenge.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_challenge.tsv"
    localrule: True  # not inherited
    params:
        function="extended_challenge",
        arguments=dict(published=PUBLISHED.of_challenge if PUBLISHED else {}),
        caption=captions.extended_challenge(UNIT),
        blocks=["feature"],


if SEGMENTED:
    WANTED += multiext(f"{RESULTS}/tables/extended_reference", *TABLE_SUFFIXES)
    WANTED += multiext(f"{RESULTS}/figures/reference", ".png", ".svg")

    rule reference_shares:
        input:
            **LESIONS_INPUT,
            shards=shards_of(BESIDE_REFERENCE),
            references=shards_of(SEGMENTED),
        output:
            f"{RESULTS}/statistics/reference_shares.csv",
        log:
            f"{RESULTS}/logs/reference_shares.log",
        benchmark:
            f"{RESULTS}/benchmarks/reference_shares.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(30),
        params:
            **RESAMPLED,
        script:
            "../workflow_scripts/reference_statistics.py"

    use rule table1 as extended_reference with:
        input:
            shares=f"{RESULTS}/statistics/reference_shares.csv",
        output:
            multiext(f"{RESULTS}/tables/extended_reference", *TABLE_SUFFIXES),
        log:
            f"{RESULTS}/logs/extended_reference.log",
        benchmark:
            f"{RESULTS}/benchmarks/extended_reference.tsv"
        localrule: True  # not inherited
        params:
            function="extended_reference",
            arguments={},
            caption=captions.extended_reference(UNIT, CONFIGURATION["segmentation"]["folds"]),
            blocks=["reference", "feature"],

    use rule mean_curves as reference_figure with:
        input:
            best=f"{RESULTS}/statistics/best_thresholds.csv",
            shares=f"{RESULTS}/statistics/reference_shares.csv",
        output:
            f"{RESULTS}/figures/reference.png",
            f"{RESULTS}/figures/reference.svg",
        log:
            f"{RESULTS}/logs/reference_figure.log",
        benchmark:
            f"{RESULTS}/benchmarks/reference_figure.tsv"
        localrule: True  # not inherited
        params:
            function="reference",
            arguments=dict(
                features=FEATURES,
                kinds={
                    "segmentation network, out of fold": [source.path for source in SEGMENTED],
                    "classifier": [source.path for source in EXPLAINED if source.method == FIRST_METHOD],
                    "control": [
                        source.path
                        for source in SOURCES
                        if source.kind.family in CONTROLS and source.model not in STUDY.networks
                    ],
                    "ceiling, one threshold for all": CEILING_PATHS,
                },
            ),
