"""A training's history as TensorBoard reads it."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

NAME = "events.out.tfevents.dermalign"


class EventWriter:
    """Writes a history to one events file, which TensorBoard shows while the training runs.

    Not Keras's callback: that writes graphs as well, works on TensorFlow alone, and begins a new file when a training
    goes on, so that epochs which were lost stand there twice.
    """

    def __init__(self, folder: str | Path | None, columns: Sequence[str]) -> None:
        """Write to `folder`, nowhere if that is None. `columns`: what a history's rows hold, `epoch` and `seconds` too.

        A column `validation_loss` becomes the tag `validation/loss`, a column `loss` the tag `train/loss`.
        """
        self._folder, self._columns = folder, list(columns)
        self._writer: Any = None
        self._rows, self._time = 0, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def update(self, history: Sequence[Sequence[float]]) -> None:
        """Add the rows that are new. The first call begins the file anew, in place of an earlier run's."""
        if self._folder is None:
            return
        if self._writer is None:
            self._begin(Path(self._folder), sum(row[self._columns.index("seconds")] for row in history))
        for row in history[self._rows :]:
            values = dict(zip(self._columns, row, strict=True))
            epoch, seconds = int(values.pop("epoch")), values.pop("seconds")
            self._time += seconds
            summary = [
                {"tag": _tag(column), "simple_value": value}
                for column, value in values.items()
                if value == value  # NaN: there are no validation pictures
            ]
            self._write(wall_time=self._time, step=epoch, summary={"value": summary})
        self._rows = len(history)
        self._writer.flush()

    def _begin(self, folder: Path, seconds: float) -> None:
        import tensorflow as tf

        folder.mkdir(parents=True, exist_ok=True)
        # Renamed over the old file, so that who reads that one meets its end and no mixture.
        temporary = folder / f".{NAME}.{os.getpid()}"
        self._writer = tf.io.TFRecordWriter(str(temporary))
        self._time = time.time() - seconds
        self._write(wall_time=self._time, file_version="brain.Event:2")
        self._writer.flush()
        temporary.replace(folder / NAME)

    def _write(self, **event: Any) -> None:
        from tensorflow.core.util.event_pb2 import Event

        self._writer.write(Event(**event).SerializeToString())


def _tag(column: str) -> str:
    return column.replace("_", "/", 1) if column.startswith("validation_") else f"train/{column}"
