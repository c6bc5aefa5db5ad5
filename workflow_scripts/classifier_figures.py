"""Draw a classifier's confusion matrix and, of one that was trained here, its learning curves."""

import pandas as pd
from dermalign.logs import job_log
from dermalign.results.figures import confusion, learning_curves

with job_log(snakemake.log[0]):
    model, output = snakemake.wildcards.model, snakemake.output
    predictions = pd.read_csv(snakemake.input.predictions, dtype={"image": str, "class": str, "predicted": str})
    is_trained = hasattr(snakemake.input, "history")
    note = "" if is_trained else "brought along: these pictures may have trained it"
    confusion(predictions, snakemake.params.classes, model, [output.confusion_png, output.confusion_svg], note)
    if is_trained:
        history = pd.read_csv(snakemake.input.history)
        learning_curves(history, snakemake.params.best_epoch_by, model, [output.history_png, output.history_svg])
