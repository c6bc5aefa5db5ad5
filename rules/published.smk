# Values that a paper published: each beside ours, and, `snakemake audit`, checked against each other.

from dermalign.results.published import compared_models

AUDIT = expand("{results}/tables/audit{suffix}", results=RESULTS, suffix=TABLE_SUFFIXES)


localrules:
    audit,


rule audit:
    input:
        AUDIT if PUBLISHED else no_published_values,


if PUBLISHED:
    MODELS_OF_NETWORKS = compared_models(PUBLISHED.networks, PUBLISHED_OF)
    # The captions of its figures give J of one picture at each threshold.
    FIGURES_COMPARED = sorted({value.column for value in PUBLISHED.values if value.table.startswith("figure")})
    WANTED += [*expand("{results}/tables/comparison{suffix}", results=RESULTS, suffix=TABLE_SUFFIXES), *AUDIT]

    rule audit_table:
        input:
            PUBLISHED_FILE,
        output:
            AUDIT,
        log:
            f"{RESULTS}/logs/audit_table.log",
        benchmark:
            f"{RESULTS}/benchmarks/audit_table.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(10),
        params:
            caption=captions.audit(),
        script:
            "../workflow_scripts/audit.py"

    rule comparison:
        input:
            training=f"{RESULTS}/manifest/training.csv" if ARCHIVES.has_training_pictures else [],
            published=PUBLISHED_FILE,
            evaluation=f"{RESULTS}/manifest/evaluation.csv",
            best_thresholds=f"{RESULTS}/statistics/best_thresholds.csv",
            correctness=f"{RESULTS}/statistics/correctness.csv",
            mann_whitney=f"{RESULTS}/statistics/mann_whitney.csv",
            metrics=(
                expand("{results}/classifiers/{model}/metrics.csv", results=RESULTS, model=MODELS)
                if ARCHIVES.has_training_pictures
                else []
            ),
            shards=expand(
                "{results}/jaccard/{model}/{method}/union/{threshold}.csv",
                results=RESULTS,
                model=[model for model in MODELS_OF_NETWORKS.values() if model],
                method=FIRST_METHOD,
                threshold=[threshold for threshold in THRESHOLDS if threshold in FIGURES_COMPARED],
            ),
        output:
            multiext(f"{RESULTS}/tables/comparison", *TABLE_SUFFIXES),
        log:
            f"{RESULTS}/logs/comparison.log",
        benchmark:
            f"{RESULTS}/benchmarks/comparison.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(10),
        params:
            models=lambda wildcards: {
                network: model and CLASSIFIERS.described(model) for network, model in MODELS_OF_NETWORKS.items()
            },
            method=FIRST_METHOD,
            thresholds=THRESHOLDS,
            diagnoses=CONFIGURATION["evaluation_diagnoses"],
            is_drawn=bool(ARCHIVES.drawn),
            leakage=CONFIGURATION["leakage"] if ARCHIVES.has_training_pictures else None,
            caption=captions.comparison(),
        script:
            "../workflow_scripts/comparison.py"
