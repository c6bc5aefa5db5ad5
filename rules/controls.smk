# The maps of each model, and of each segmentation network, beside their controls, at equal white area of every picture
# and each at its own best threshold.

if SOURCES.controls:
    WANTED.append(f"{RESULTS}/statistics/controls.csv")


COMPARED_OWNERS = list(dict.fromkeys(source.model for source in COMPARED))


for model in COMPARED_OWNERS:

    rule:
        name:
            f"control_statistics_{model}"
        input:
            **LESIONS_INPUT,
            shards=shards_of([*(source for source in COMPARED if source.model == model), *SOURCES.controls_of(model)]),
            curves=[f"{RESULTS}/curves/{source.path}.h5" for source in SOURCES.controls_of(model)],
            evaluation=f"{RESULTS}/manifest/evaluation.csv",
            predictions=evaluation_predictions(model),
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
            **RESAMPLED,
            model=model,
            methods=[source.method for source in COMPARED if source.model == model],
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
        script:
            "../workflow_scripts/control_statistics.py"


use rule merge_statistics as merge_controls with:
    input:
        [f"{RESULTS}/statistics/models/{model}/controls.csv" for model in COMPARED_OWNERS],
    output:
        f"{RESULTS}/statistics/controls.csv",
    log:
        f"{RESULTS}/logs/merge_controls.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_controls.tsv"
    localrule: True  # not inherited
