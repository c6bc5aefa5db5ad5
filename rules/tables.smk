# The paper's tables. Rule table3 is computed by dermalign.tables.table3, and so on. Last, that of the classifiers.

# What every caption says of the setting; the script adds the numbers of the leakage account.
KEPT_OUT = {
    "exclude": "Evaluation pictures, and other pictures of their lesions, were kept out of training by their names (leakage: exclude).",
    "exclude_content": "Evaluation pictures, other pictures of their lesions and pictures that look like them were kept out of training (leakage: exclude_content).",
    "allow": "Evaluation pictures may have trained the classifiers (leakage: allow).",
}[CONFIGURATION["leakage"]]
SENTENCES = [KEPT_OUT] if ARCHIVES.has_training_pictures else []
if CLASSIFIERS.brought:
    SENTENCES.append(f"Which pictures trained {', '.join(CLASSIFIERS.brought)} is unknown: brought along.")
LEAKAGE = " ".join(SENTENCES)
LEAKAGE_SUMMARY = [f"{RESULTS}/manifest/leakage_summary.csv"] if ARCHIVES.has_training_pictures else []
GROUPED_BY = f"group ({', '.join(STUDY.groups)})" if "groups" in CONFIGURATION else "diagnosis and correctness"
CHANCE = [f"{RESULTS}/statistics/chance.csv"] if SOURCES.chance_methods else []
DIFFERENCE = (
    f" Rows of {', '.join(SOURCES.chance_methods)} are chance; difference: J of {SOURCES.saliency_methods[0]} minus theirs, mean over "
    "the same pictures."
    if SOURCES.chance_methods
    else ""
)
OVERLAP = (
    "Maps scaled up by nearest neighbour; J in pixels of the full-size picture; means over pictures; "
    f"SD with n - 1.{DIFFERENCE} {LEAKAGE}"
)


rule table1:
    input:
        f"{RESULTS}/manifest/evaluation.csv",
        leakage=LEAKAGE_SUMMARY,
    output:
        csv=f"{RESULTS}/tables/table1.csv",
        md=f"{RESULTS}/tables/table1.md",
    log:
        f"{RESULTS}/logs/table1.log",
    benchmark:
        f"{RESULTS}/benchmarks/table1.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        arguments=dict(features=CONFIGURATION["features"], diagnoses=CONFIGURATION["evaluation_diagnoses"]),
        caption=f"Table 1. Evaluation pictures that show each feature, by diagnosis. {LEAKAGE}",
    script:
        "../workflow_scripts/table.py"


rule table2:
    input:
        f"{RESULTS}/statistics/thresholds.csv",
        CHANCE,
        leakage=LEAKAGE_SUMMARY,
    output:
        csv=f"{RESULTS}/tables/table2.csv",
        md=f"{RESULTS}/tables/table2.md",
    log:
        f"{RESULTS}/logs/table2.log",
    benchmark:
        f"{RESULTS}/benchmarks/table2.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        arguments={},
        caption=f"Table 2. Jaccard index of the union of features by threshold. {OVERLAP}",
    script:
        "../workflow_scripts/table.py"


rule table3:
    input:
        f"{RESULTS}/statistics/best_thresholds.csv",
        CHANCE,
        leakage=LEAKAGE_SUMMARY,
    output:
        csv=f"{RESULTS}/tables/table3.csv",
        md=f"{RESULTS}/tables/table3.md",
    log:
        f"{RESULTS}/logs/table3.log",
    benchmark:
        f"{RESULTS}/benchmarks/table3.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        arguments={},
        caption=f"Table 3. Best threshold of the grid per feature and the Jaccard index there. {OVERLAP}",
    script:
        "../workflow_scripts/table.py"


rule table4:
    input:
        f"{RESULTS}/statistics/correctness.csv",
        CHANCE,
        leakage=LEAKAGE_SUMMARY,
    output:
        csv=f"{RESULTS}/tables/table4.csv",
        md=f"{RESULTS}/tables/table4.md",
    log:
        f"{RESULTS}/logs/table4.log",
    benchmark:
        f"{RESULTS}/benchmarks/table4.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        arguments=dict(models=MODELS),
        caption=f"Table 4. Jaccard index of the union by {GROUPED_BY}, {MODELS[0]}. {OVERLAP}",
    script:
        "../workflow_scripts/table.py"


rule table5:
    input:
        f"{RESULTS}/statistics/correctness.csv",
        CHANCE,
        leakage=LEAKAGE_SUMMARY,
    output:
        csv=f"{RESULTS}/tables/table5.csv",
        md=f"{RESULTS}/tables/table5.md",
    log:
        f"{RESULTS}/logs/table5.log",
    benchmark:
        f"{RESULTS}/benchmarks/table5.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        arguments=dict(models=MODELS),
        caption=f"Table 5. Jaccard index of the union by {GROUPED_BY}, {', '.join(MODELS[1:]) or 'no second model'}. {OVERLAP}",
    script:
        "../workflow_scripts/table.py"


rule table6:
    input:
        f"{RESULTS}/statistics/mann_whitney.csv",
        leakage=LEAKAGE_SUMMARY,
    output:
        csv=f"{RESULTS}/tables/table6.csv",
        md=f"{RESULTS}/tables/table6.md",
    log:
        f"{RESULTS}/logs/table6.log",
    benchmark:
        f"{RESULTS}/benchmarks/table6.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        arguments=dict(methods=SOURCES.saliency_methods),
        caption=f"Table 6. Mann-Whitney tests between groups, on the union: U of the first-named, p two-sided, uncorrected. {LEAKAGE}",
    script:
        "../workflow_scripts/table.py"


rule classifier_table:
    input:
        expand("{results}/classifiers/{model}/metrics.csv", results=RESULTS, model=MODELS),
    output:
        csv=f"{RESULTS}/tables/classifiers.csv",
        md=f"{RESULTS}/tables/classifiers.md",
    log:
        f"{RESULTS}/logs/classifier_table.log",
    benchmark:
        f"{RESULTS}/benchmarks/classifier_table.tsv"
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(10),
    params:
        models=MODELS,
        classes=CONFIGURATION["classes"],
        caption=(
            f"Classifiers on held-out pictures: split `test`, {CONFIGURATION['split']['test']:.0%} of the training "
            "pictures with lesions kept whole, which neither trained nor chose the epoch. Per class against the rest; "
            "low and high: 95 % bootstrap intervals by lesion; published: as the configuration gives it. "
            f"{LEAKAGE}"
        ),
    script:
        "../workflow_scripts/classifier_table.py"
