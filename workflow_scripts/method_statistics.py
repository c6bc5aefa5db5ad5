"""Compare a study's saliency methods, or say what their maps took, whichever the rule asks for."""

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.methods import method_differences, method_runs
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    if given.get("shards"):
        models = {}
        for (model, method), shards in read_sources(given.shards):
            models.setdefault(model, {})[method] = shards
        lesions = read_units(given.lesions, params.resampled_by)
        tables = [method_differences(model, methods, lesions, params.seed) for model, methods in models.items()]
        table = below_each_other(tables)
    else:
        table = method_runs(dict(zip(map(tuple, params.sources), given.maps, strict=True)), params.jobs)
    write_text(snakemake.output[0], table.to_csv(index=False))
