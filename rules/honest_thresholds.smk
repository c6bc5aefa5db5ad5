# J at thresholds that other lesions chose, and the paper's hypotheses as results.

# A constant map has no best threshold.
CHOOSING = [source for source in SOURCES if not source.kind.constant]
WANTED += [f"{RESULTS}/statistics/out_of_sample.csv", f"{RESULTS}/statistics/hypotheses.csv"]
WANTED += expand(
    "{results}/tables/{name}{suffix}",
    results=RESULTS,
    name=["extended_out_of_sample", "extended_hypotheses"],
    suffix=TABLE_SUFFIXES,
)


rule out_of_sample:
    input:
        **LESIONS_INPUT,
        shards=shards_of(CHOOSING),
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
        **RESAMPLED,
        folds=CONFIGURATION["out_of_sample"]["folds"],
        repeats=CONFIGURATION["out_of_sample"]["repeats"],
    script:
        "../workflow_scripts/out_of_sample.py"


rule hypotheses:
    input:
        **LESIONS_INPUT,
        shards=shards_of(EXPLAINED),
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        predictions=[path for model in MODELS for path in evaluation_predictions(model)],
        mann_whitney=f"{RESULTS}/statistics/mann_whitney.csv",
    output:
        f"{RESULTS}/statistics/hypotheses.csv",
    log:
        f"{RESULTS}/logs/hypotheses.log",
    benchmark:
        f"{RESULTS}/benchmarks/hypotheses.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
        grids=lambda wildcards: {source.path: SOURCES.grid(source) for source in EXPLAINED},
        kinds=lambda wildcards: {source.path: SOURCES.but_for_layer(source) for source in EXPLAINED},
        first_method=FIRST_METHOD,
        diagnoses=[] if OWN_GROUPS else CONFIGURATION["evaluation_diagnoses"],
    script:
        "../workflow_scripts/hypotheses.py"


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
        caption=captions.extended_out_of_sample(**CONFIGURATION["out_of_sample"], resampled_by=UNIT),
        blocks=["model"],


use rule table1 as extended_hypotheses with:
    input:
        hypotheses=f"{RESULTS}/statistics/hypotheses.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_hypotheses", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_hypotheses.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_hypotheses.tsv"
    localrule: True  # not inherited
    params:
        function="extended_hypotheses",
        arguments={},
        caption=captions.extended_hypotheses(UNIT),
        blocks=["hypothesis", "model", "first", "second"],
