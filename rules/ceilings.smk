# Resolution ceilings: the best overlap that any map of so many cells could have, and which share of it models reach.

CEILINGS = [source for source in SOURCES if source.kind.family == CEILING]
WANTED += expand("{results}/tables/extended_ceilings{suffix}", results=RESULTS, suffix=TABLE_SUFFIXES)
WANTED += [f"{RESULTS}/figures/ceilings.png", f"{RESULTS}/figures/ceilings.svg"]


rule ceilings:
    input:
        **LESIONS_INPUT,
        ceilings=expand("{results}/ceilings/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        curves=[f"{RESULTS}/curves/{source.path}.h5" for source in CEILINGS],
        exact=[f"{RESULTS}/exact/{source.path}/exact_thresholds.csv" for source in CEILINGS],
    output:
        f"{RESULTS}/statistics/ceilings.csv",
    log:
        f"{RESULTS}/logs/ceilings.log",
    benchmark:
        f"{RESULTS}/benchmarks/ceilings.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
    script:
        "../workflow_scripts/ceiling_statistics.py"


rule ceiling_shares:
    input:
        **LESIONS_INPUT,
        ceilings=expand("{results}/ceilings/{batch}.h5", results=RESULTS, batch=MASK_BATCHES),
        shards=shards_of(COMPARED),
    output:
        f"{RESULTS}/statistics/ceiling_shares.csv",
    log:
        f"{RESULTS}/logs/ceiling_shares.log",
    benchmark:
        f"{RESULTS}/benchmarks/ceiling_shares.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **RESAMPLED,
        grids={source.path: SOURCES.grid(source) for source in COMPARED},
    script:
        "../workflow_scripts/ceiling_statistics.py"


# Written and drawn as all others.
use rule table1 as extended_ceilings with:
    input:
        ceilings=f"{RESULTS}/statistics/ceilings.csv",
        shares=f"{RESULTS}/statistics/ceiling_shares.csv",
    output:
        multiext(f"{RESULTS}/tables/extended_ceilings", *TABLE_SUFFIXES),
    log:
        f"{RESULTS}/logs/extended_ceilings.log",
    benchmark:
        f"{RESULTS}/benchmarks/extended_ceilings.tsv"
    localrule: True  # not inherited
    params:
        function="extended_ceilings",
        arguments={},
        caption=captions.extended_ceilings(UNIT),
        blocks=["model", "method", "grid"],


use rule mean_curves as ceilings_figure with:
    input:
        ceilings=f"{RESULTS}/statistics/ceilings.csv",
        shares=f"{RESULTS}/statistics/ceiling_shares.csv",
    output:
        f"{RESULTS}/figures/ceilings.png",
        f"{RESULTS}/figures/ceilings.svg",
    log:
        f"{RESULTS}/logs/ceilings_figure.log",
    benchmark:
        f"{RESULTS}/benchmarks/ceilings_figure.tsv"
    localrule: True  # not inherited
    params:
        function="ceilings",
        arguments={},
