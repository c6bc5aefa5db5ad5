# Each model's maps beside its controls, at equal white area of every picture and each at its own best threshold.

if SOURCES.controls:
    WANTED.append(f"{RESULTS}/statistics/controls.csv")


def control_shards(model):
    """The shards of a model's saliency methods and variants, and of its controls, at all thresholds."""
    sources = [source for source in SOURCES.of_owner(model) if source.method in SOURCES.saliency_methods]
    return expand(
        "{results}/jaccard/{source}/{feature}/{threshold}.csv",
        results=RESULTS,
        source=[source.path for source in [*sources, *SOURCES.controls_of(model)]],
        feature=FEATURES,
        threshold=THRESHOLDS,
    )


for model in MODELS:

    rule:
        name:
            f"control_statistics_{model}"
        input:
            shards=control_shards(model),
            curves=[f"{RESULTS}/curves/{source.path}.h5" for source in SOURCES.controls_of(model)],
            evaluation=f"{RESULTS}/manifest/evaluation.csv",
            predictions=evaluation_predictions(model),
            # Which lesion a picture shows; what counts is the table's content, a digest below.
            lesions=ancient(LESION_TABLES),
            drawn=ARCHIVES.drawn if LESION_TABLES else [],
        output:
            f"{RESULTS}/statistics/models/{model}/controls.csv",
        log:
            f"{RESULTS}/logs/control_statistics/{model}.log",
        benchmark:
            f"{RESULTS}/benchmarks/control_statistics/{model}.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(30),
        params:
            model=model,
            methods=SOURCES.saliency_methods,
            controls=[
                dict(
                    method=source.method,
                    path=source.path,
                    kind=source.kind.family,
                    is_constant=source.kind.constant,
                )
                for source in SOURCES.controls_of(model)
            ],
            groups=STUDY.groups,
            lesions=lambda wildcards: ARCHIVES.table_digests(LESION_TABLES),
            resampled_by=CONFIGURATION["resampled_by"],
            seed=CONFIGURATION["seed"],
        script:
            "../workflow_scripts/control_statistics.py"


use rule merge_statistics as merge_controls with:
    input:
        [f"{RESULTS}/statistics/models/{model}/controls.csv" for model in MODELS],
    output:
        f"{RESULTS}/statistics/controls.csv",
    log:
        f"{RESULTS}/logs/merge_controls.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_controls.tsv"
    localrule: True  # not inherited
