"""Write the explorer: the folder of the whole study, or one page with some pictures in it."""

from dermalign.explorer.contents import Contents
from dermalign.explorer.site import page, whole_page, write_assets, write_data
from dermalign.explorer.study_data import ShownSource
from dermalign.files import write_text
from dermalign.logs import job_log

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    contents = Contents(
        **params.study,
        sources=[ShownSource(**source) for source in params.sources],
        evaluation=inputs.evaluation,
        best_thresholds=inputs.best_thresholds,
        mean_curves=inputs.mean_curves,
        ceiling_means=inputs.ceiling_means,
        batches=list(zip(inputs.pictures, inputs.cells, inputs.ceilings, strict=True)),
        maps=inputs.maps,
        curves=inputs.curves,
        predictions=params.predictions,
        stores=params.stores,
        pictures=params.pictures,
    )
    if params.pictures is None:
        write_data(output.data, contents.parts())
        write_assets(output.assets)
        write_text(output.page, page())
    else:
        write_text(output.page, whole_page(contents.parts(), contents.pictures_shown()))
