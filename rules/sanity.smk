# The sanity check of saliency methods (Adebayo et al. 2018): how alike a model's maps stay while its weights are
# randomised, layer by layer from the last one. Of a small sample of the pictures, known before any job.

from dermalign.study.batches import fixed_sample

SANITY = CONFIGURATION["sanity"]
SANITY_SAMPLE = fixed_sample(DIAGNOSED, SANITY["pictures"])
# The weights of a frozen graph are constants.
SANITY_MODELS = [model for model in MODELS if SANITY_SAMPLE and model not in CLASSIFIERS.frozen]
JOBS_OF = {model: [job for job in JOBS if job[0].model == model] for model in SANITY_MODELS}

for model, jobs in JOBS_OF.items():

    rule:
        name:
            f"sanity_{model}"
        input:
            classifier=CLASSIFIERS.path(model),
            pictures=ancient(ARCHIVES.path("evaluation_pictures")),
            drawn=ARCHIVES.drawn,
        output:
            f"{RESULTS}/sanity/{model}.csv",
        log:
            f"{RESULTS}/logs/sanity/{model}.log",
        benchmark:
            f"{RESULTS}/benchmarks/sanity/{model}.tsv"
        conda:
            "../envs/classifier.yaml"
        threads: CONFIGURATION["threads"]["gradcam"]
        resources:
            mem_mb=megabytes(20000),
            runtime=minutes(240),
            gpu=CONFIGURATION["gpus"],
        params:
            images=SANITY_SAMPLE,
            stages=SANITY["stages"],
            jobs=lambda wildcards, jobs=jobs: [
                dict(
                    methods={source.method: SOURCES.asked(source) for source in job},
                    asked=asked_of_job(job, SANITY_SAMPLE),
                )
                for job in jobs
            ],
            inputs={
                **SOURCES.job_inputs([source for job in jobs for source in job]),
                "seed": CONFIGURATION["seed"],
            },
            content=lambda wildcards: ARCHIVES.pictures_digest("evaluation_pictures", SANITY_SAMPLE),
            code=code_of("sanity.py", *(module for job in jobs for source in job for module in source.kind.modules)),
        script:
            "../workflow_scripts/sanity.py"


if SANITY_MODELS:
    WANTED += multiext(f"{RESULTS}/tables/extended_sanity", *TABLE_SUFFIXES)
    WANTED += [f"{RESULTS}/figures/sanity.png", f"{RESULTS}/figures/sanity.svg"]

    # Its name is no model's: those of the rules above begin with `sanity_`.
    rule merge_sanity:
        input:
            **LESIONS_INPUT,
            compared=expand("{results}/sanity/{model}.csv", results=RESULTS, model=SANITY_MODELS),
        output:
            f"{RESULTS}/statistics/sanity.csv",
        log:
            f"{RESULTS}/logs/merge_sanity.log",
        benchmark:
            f"{RESULTS}/benchmarks/merge_sanity.tsv"
        localrule: True
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(10),
        params:
            **RESAMPLED,
            left_out=CLASSIFIERS.frozen,
        script:
            "../workflow_scripts/sanity_statistics.py"

    use rule table1 as extended_sanity with:
        input:
            sanity=f"{RESULTS}/statistics/sanity.csv",
        output:
            multiext(f"{RESULTS}/tables/extended_sanity", *TABLE_SUFFIXES),
        log:
            f"{RESULTS}/logs/extended_sanity.log",
        benchmark:
            f"{RESULTS}/benchmarks/extended_sanity.tsv"
        localrule: True  # not inherited
        params:
            function="extended_sanity",
            arguments={},
            caption=captions.extended_sanity(len(SANITY_SAMPLE), UNIT, CLASSIFIERS.frozen),
            blocks=["model", "method"],

    use rule mean_curves as figure_sanity with:
        input:
            f"{RESULTS}/statistics/sanity.csv",
        output:
            f"{RESULTS}/figures/sanity.png",
            f"{RESULTS}/figures/sanity.svg",
        log:
            f"{RESULTS}/logs/figure_sanity.log",
        benchmark:
            f"{RESULTS}/benchmarks/figure_sanity.tsv"
        localrule: True  # not inherited
        params:
            function="sanity",
            arguments={},
