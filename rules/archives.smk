# The raw archives: given by the user, fetched on request, or drawn for the embedded study.

if ARCHIVES.drawn:

    rule draw_archives:
        output:
            archives=sorted(set(ARCHIVES.files.values())),
            drawn=ARCHIVES.drawn,
        log:
            f"{RESULTS}/logs/draw_archives.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_archives.tsv"
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(10),
        params:
            drawing=ARCHIVES.drawing,
        script:
            "../workflow_scripts/draw_archives.py"


localrules:
    fetch,


rule fetch:
    input:
        list(ARCHIVES.sources),
        list(CLASSIFIERS.imagenet_weights),


# What is there is never fetched again, whatever its address in the configuration becomes.
for path, source in ARCHIVES.sources.items():
    if not Path(path).exists():

        rule:
            name:
                f"fetch_{Path(path).stem}"
            output:
                path,
            log:
                f"{RESULTS}/logs/fetch/{Path(path).name}.log",
            benchmark:
                f"{RESULTS}/benchmarks/fetch/{Path(path).name}.tsv"
            localrule: True
            conda:
                "../envs/analysis.yaml"
            resources:
                mem_mb=megabytes(500),
                runtime=24 * 60,
            params:
                url=source["url"],
                sha256=source.get("sha256"),
            script:
                "../workflow_scripts/fetch_archive.py"
