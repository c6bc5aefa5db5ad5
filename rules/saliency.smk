# Saliency maps in batches, one store per picture, then gathered per map source.
# The paths of stores are written out, not built from wildcards: Snakemake then finds a store's rule by its name at
# once, where it would have to try every batch's pattern (seconds instead of minutes for 25,000 pictures).

for model in MODELS:
    for batch, images in SALIENCY_BATCHES.items():

        rule:
            name:
                f"gradcam_{model}_{batch}"
            input:
                classifier=STUDY.classifier(model),
                pictures=ancient(STUDY.archive("evaluation_pictures")),
                drawn=DRAWN,
            output:
                [f"{RESULTS}/saliency/{model}/gradcam/{image}.h5" for image in images],
            log:
                f"{RESULTS}/logs/gradcam/{model}/{batch}.log",
            benchmark:
                f"{RESULTS}/benchmarks/gradcam/{model}/{batch}.tsv"
            conda:
                "../envs/classifier.yaml"
            threads: CONFIGURATION["threads"]["gradcam"]
            resources:
                mem_mb=megabytes(16000),
                runtime=minutes(120),
                gpu=CONFIGURATION["gpus"],
            params:
                model=model,
                settings={} if MISSING else STUDY.saliency_settings(model),
                classes=STUDY.classes(model),
                batch_size=CONFIGURATION["methods"]["gradcam"]["batch_size"],
                pictures=lambda wildcards, images=images: STUDY.pictures_digest("evaluation_pictures", images),
                library=library_digest("gradcam", "pictures", "stores", "archives"),
            script:
                "../workflow_scripts/gradcam.py"


rule gather_maps:
    input:
        expand("{results}/saliency/{{model}}/{{method}}/{image}.h5", results=RESULTS, image=DIAGNOSED),
    output:
        maps=f"{RESULTS}/maps/{{model}}/{{method}}.h5",
        predictions=f"{RESULTS}/maps/{{model}}/{{method}}_predictions.csv",
    log:
        f"{RESULTS}/logs/gather_maps/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/gather_maps/{{model}}/{{method}}.tsv"
    wildcard_constraints:
        method="|".join(SALIENCY_METHODS),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(60),
    params:
        library=library_digest("maps"),
    script:
        "../workflow_scripts/gather_maps.py"


for variant, settings in VARIANTS.items():

    rule:
        name:
            f"variant_{variant}"
        input:
            maps=f"{RESULTS}/maps/{{model}}/{settings['of']}.h5",
            pictures=ancient([STUDY.archive("evaluation_pictures")] if settings["kind"] == "superpixels" else []),
        output:
            f"{RESULTS}/maps/{{model}}/{variant}.h5",
        log:
            f"{RESULTS}/logs/variant/{{model}}/{variant}.log",
        benchmark:
            f"{RESULTS}/benchmarks/variant/{{model}}/{variant}.tsv"
        conda:
            "../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(120),
        params:
            kind=settings["kind"],
            options={key: value for key, value in settings.items() if key not in ("kind", "of")},
            library=library_digest("variants", "archives"),
        script:
            "../workflow_scripts/variant_maps.py"


if CHANCE_METHODS:

    rule chance_maps:
        input:
            f"{RESULTS}/maps/{{model}}/{SALIENCY_METHODS[0]}.h5",
        output:
            f"{RESULTS}/maps/{{model}}/{{method}}.h5",
        log:
            f"{RESULTS}/logs/chance_maps/{{model}}/{{method}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/chance_maps/{{model}}/{{method}}.tsv"
        wildcard_constraints:
            method="|".join(CHANCE_METHODS),
        localrule: True
        conda:
            "../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(30),
        params:
            draws=CONFIGURATION["chance"]["draws"],
            seed=CONFIGURATION["seed"],
            library=library_digest("chance"),
        script:
            "../workflow_scripts/chance_maps.py"
