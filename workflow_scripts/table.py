"""Write a table: that of the function of dermalign.results.tables which the rule names."""

from pathlib import Path

from dermalign.classifiers.tables import read_metrics
from dermalign.data.leakage import leakage_sentence, read_summary
from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.results import tables
from dermalign.results.captions import PICTURES
from dermalign.results.faithfulness import extended_faithfulness
from dermalign.results.formats import write_table
from dermalign.results.localisation import extended_localisation
from dermalign.results.methods import extended_methods
from dermalign.results.readers import extended_readers
from dermalign.results.reference import extended_challenge, extended_reference
from dermalign.results.sanity import extended_sanity, read_sanity_statistics
from dermalign.results.statistics import read_statistics

FUNCTIONS = {
    "table1": tables.table1,
    "table2": tables.table2,
    "table4": tables.table4,
    "table6": tables.table6,
    "extended_features": tables.extended_features,
    "extended_thresholds": tables.extended_thresholds,
    "extended_best_thresholds": tables.extended_best_thresholds,
    "extended_groups": tables.extended_groups,
    "extended_controls": tables.extended_controls,
    "extended_hypotheses": tables.extended_hypotheses,
    "extended_mann_whitney": tables.extended_mann_whitney,
    "extended_localisation": extended_localisation,
    "extended_faithfulness": extended_faithfulness,
    "extended_sanity": extended_sanity,
    "extended_ceilings": tables.extended_ceilings,
    "extended_methods": extended_methods,
    "extended_reference": extended_reference,
    "extended_challenge": extended_challenge,
    "extended_readers": extended_readers,
    "extended_groupings": tables.extended_groupings,
    "extended_out_of_sample": tables.extended_out_of_sample,
    "extended_correlations": tables.extended_correlations,
    "classifiers": tables.classifiers,
}
# What reads an input, by its name in the rule; all others are statistics.
READERS = {
    "evaluation": read_evaluation,
    "leakage": read_summary,
    "sanity": read_sanity_statistics,
    "metrics": lambda paths: {Path(path).parent.name: read_metrics(path) for path in paths},
}

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    inputs = {name: READERS.get(name, read_statistics)(paths) for name, paths in snakemake.input.items()}
    caption, arguments = snakemake.params.caption, snakemake.params.arguments
    if "leakage" in inputs:
        caption = f"{caption} {leakage_sentence(inputs.pop('leakage'))}"
    if "evaluation" in inputs:
        pictures = inputs["evaluation"]["diagnosis"].isin(arguments["diagnoses"]).sum()
        caption = caption.replace(PICTURES, f"{pictures:,}")
    table = FUNCTIONS[snakemake.params.function](**inputs, **arguments)
    write_table(table, caption, snakemake.output, snakemake.params.blocks)
