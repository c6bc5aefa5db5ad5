# Tests between groups of pictures, groupings by other columns, and what J goes along with: statistics, tables, a figure.
# All are of the saliency methods and their variants, correlations of the first one; controls are not tested.

from dermalign.terms import UNION

FURTHER_TESTS = [test for test in CONFIGURATION["group_tests"] if test != "mann_whitney"]
# For which tests, of all models together, p is adjusted: those of table 6, unless the configuration names others.
TEST_FAMILY = {
    "features": [UNION],
    "at": ["best of union"],
    "methods": [FIRST_METHOD],
    "pairs": compared_groups(list(STUDY.groups), configured=OWN_GROUPS is not None),
    **CONFIGURATION["test_family"],
}
HAS_GROUPINGS = CONFIGURATION.get("groupings") != {}
WANTED += expand(
    "{results}/tables/{name}{suffix}",
    results=RESULTS,
    name=[*(["extended_groupings"] if HAS_GROUPINGS else []), "extended_correlations"],
    suffix=TABLE_SUFFIXES,
)
WANTED += expand("{results}/figures/correlations.{suffix}", results=RESULTS, suffix=["png", "svg"])
WANTED += [f"{RESULTS}/statistics/group_tests.csv"] * bool(FURTHER_TESTS)


# Tests between the groups of tables 4 to 6.
rule group_tests:
    input:
        **LESIONS_INPUT,
        shards=shards_of(EXPLAINED),
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        predictions=[evaluation_predictions(model) for model in MODELS],
    output:
        f"{RESULTS}/statistics/mann_whitney.csv",
        [f"{RESULTS}/statistics/group_tests.csv"] * bool(FURTHER_TESTS),
    log:
        f"{RESULTS}/logs/group_tests.log",
    benchmark:
        f"{RESULTS}/benchmarks/group_tests.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
        groups=STUDY.groups,
        tests=FURTHER_TESTS,
        family=TEST_FAMILY,
    script:
        "../workflow_scripts/group_tests.py"


# J of the union by columns of the metadata, which is the table that knows lesions, and by confidence.
if HAS_GROUPINGS:

    rule groupings:
        input:
            **LESIONS_INPUT,
            shards=shards_of(EXPLAINED, [UNION]),
            predictions=[evaluation_predictions(model) for model in MODELS],
        output:
            f"{RESULTS}/statistics/groupings.csv",
        log:
            f"{RESULTS}/logs/groupings.log",
        benchmark:
            f"{RESULTS}/benchmarks/groupings.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(10),
        params:
            **RESAMPLED,
            groupings=lambda wildcards: groupings_of_study(),
        script:
            "../workflow_scripts/groupings.py"

    use rule table1 as extended_groupings with:
        input:
            groupings=f"{RESULTS}/statistics/groupings.csv",
        output:
            multiext(f"{RESULTS}/tables/extended_groupings", *TABLE_SUFFIXES),
        log:
            f"{RESULTS}/logs/extended_groupings.log",
        benchmark:
            f"{RESULTS}/benchmarks/extended_groupings.tsv"
        localrule: True
        params:
            function="extended_groupings",
            arguments={},
            caption=captions.extended_groupings(UNIT),
            blocks=["model", "method"],


# What J of each feature goes along with.
rule correlations:
    input:
        **LESIONS_INPUT,
        shards=shards_of(source for source in EXPLAINED if source.method == FIRST_METHOD),
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        masks=f"{RESULTS}/manifest/masks.csv",
        predictions=[evaluation_predictions(model) for model in MODELS],
    output:
        f"{RESULTS}/statistics/correlations.csv",
    log:
        f"{RESULTS}/logs/correlations.log",
    benchmark:
        f"{RESULTS}/benchmarks/correlations.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
    script:
        "../workflow_scripts/correlations.py"


use rule table1 as extended_correlations with:
    input:
        correlations=f"{RESULTS}/statistics/correlations.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_correlations", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_correlations.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_correlations.tsv"
    localrule: True
    params:
        function="extended_correlations",
        arguments={},
        caption=captions.extended_correlations(UNIT),
        blocks=["model"],


use rule mean_curves as correlations_figure with:
    input:
        f"{RESULTS}/statistics/correlations.csv",
    output:
        f"{RESULTS}/figures/correlations.png",
        f"{RESULTS}/figures/correlations.svg",
    log:
        f"{RESULTS}/logs/correlations_figure.log",
    benchmark:
        f"{RESULTS}/benchmarks/correlations_figure.tsv"
    localrule: True  # not inherited
    params:
        function="correlations",
        arguments=dict(features=FEATURES, models=MODELS),
