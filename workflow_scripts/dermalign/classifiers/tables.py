"""The tables of a classifier: what stands in them, and who reads and writes them. All are UTF-8 CSV.

`classifiers/{model}/predictions.csv`, a row per picture of the validation and the test split:

- image, split, class: as in the training manifest; class is the diagnosis;
- predicted: the class with the highest probability;
- p_<class>, for each class in the order of the classifier's outputs: its probability, to eight digits.

`classifiers/{model}/history.csv`, a row per epoch of a training, none where nothing was trained; the columns are
`HISTORY_COLUMNS`:

- epoch: from 1;
- loss, accuracy: of the training pictures, while training; the loss in nats, weighted by class;
- validation_loss (in nats, not weighted), validation_accuracy, validation_balanced_accuracy: of the validation pictures
  after the epoch; empty without such pictures;
- seconds: how long the epoch took, the validation included.

`classifiers/{model}/metrics.csv`, a row per metric and class, see `classifier_metrics.classifier_metrics`:

- metric: its name; class: the class that it is of, `all` for one over all classes;
- value, low, high: what was measured on the test split, and the bounds of its 95 % interval; empty where undefined;
- published: the value that the configuration gives for comparison, else empty.

Classes may have any name, also one that pandas would take for a missing value, such as `NA` or `None`. Only empty text
is missing.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..files import write_text

HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_balanced_accuracy",
    "seconds",
)
_TEXT = ("image", "split", "class", "predicted", "metric")


def read_predictions_table(path: str | Path) -> pd.DataFrame:
    """Read predictions.csv: text, and probabilities as they were written."""
    return _read(path)


def write_predictions_table(path: str | Path, predictions: pd.DataFrame) -> None:
    """Write a table of `classification.predictions_table` as predictions.csv."""
    write_text(path, predictions.to_csv(index=False, float_format="%.8g"))


def read_history(path: str | Path) -> pd.DataFrame:
    """Read history.csv; what was not measured is NaN."""
    return _read(path)


def write_history(path: str | Path, history: Sequence[Sequence[float]]) -> None:
    """Write the epochs of a training, each in the order of `HISTORY_COLUMNS`, as history.csv."""
    write_text(path, pd.DataFrame(history, columns=HISTORY_COLUMNS).to_csv(index=False))


def read_metrics(path: str | Path) -> pd.DataFrame:
    """Read metrics.csv; undefined values, and those that nobody published, are NaN."""
    return _read(path)


def write_metrics(path: str | Path, metrics: pd.DataFrame) -> None:
    """Write a table of `classifier_metrics.beside_published` as metrics.csv."""
    write_text(path, metrics.to_csv(index=False))


def _read(path: str | Path) -> pd.DataFrame:
    return pd.read_csv(
        path, dtype=dict.fromkeys(_TEXT, str), keep_default_na=False, na_values=[""], float_precision="round_trip"
    )
