# The study as one page, for whoever opens no table. It tells versions and times, so that it follows on the record.

# Included after all files that add any.
REPORTED_TABLES = [path for path in WANTED if path.startswith(f"{RESULTS}/tables/")]
REPORTED_FIGURES = [path for path in WANTED if path.startswith(f"{RESULTS}/figures/")]


rule report_page:
    input:
        record=RECORD[0],
        evaluation=f"{RESULTS}/manifest/evaluation.csv",
        training=[f"{RESULTS}/manifest/training.csv"] if ARCHIVES.has_training_pictures else [],
        leakage=[f"{RESULTS}/manifest/leakage_summary.csv"] if ARCHIVES.has_training_pictures else [],
        folds=[f"{RESULTS}/manifest/folds_leakage.csv"] if STUDY.networks else [],
        runs=f"{RESULTS}/statistics/method_runs.csv",
        published=[PUBLISHED_FILE] if PUBLISHED else [],
        tables=[path for path in REPORTED_TABLES if path.endswith(".csv")],
        captions=[path for path in REPORTED_TABLES if path.endswith(".md")],
        figures=[path for path in REPORTED_FIGURES if path.endswith(".svg")],
    output:
        RECORD[2],
    log:
        f"{RESULTS}/logs/report_page.log",
    benchmark:
        f"{RESULTS}/benchmarks/report_page.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        assets=folder_digest(SCRIPTS / "dermalign" / "report" / "assets"),
    script:
        "../workflow_scripts/report_page.py"
