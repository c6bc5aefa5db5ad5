"""Put the sanity checks of all models together: means over pictures, their intervals, and which methods they flag."""

from pathlib import Path

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log, logger
from dermalign.results.sanity import sanity_statistics, sentence
from dermalign.results.statistics import below_each_other
from dermalign.saliency.sanity_files import read_sanity

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    params = snakemake.params
    lesions = read_units(snakemake.input.lesions, params.resampled_by)
    paths = map(Path, snakemake.input.compared)
    tables = [sanity_statistics(path.stem, read_sanity(path), lesions, params.seed) for path in paths]
    table = below_each_other(tables)
    write_text(snakemake.output[0], table.to_csv(index=False))
    logger.info("%s", sentence(table))
    for model in params.left_out:
        logger.info("%s: left out, the weights of a frozen graph are constants that cannot be randomised", model)
