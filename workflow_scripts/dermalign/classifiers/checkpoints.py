"""What a killed training goes on from: one HDF5 file per epoch, in a folder that is gone when the training ends."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import remove_left_overs
from ..hdf5 import new_file, open_file
from ..logs import logger

CHECKPOINTS = "epoch_*.h5"


def checkpoint_path(folder: Path, epoch: int) -> Path:
    """Return the path of the checkpoint written after `epoch`, counted from 1."""
    return folder / f"epoch_{epoch:05d}.h5"


def write_checkpoint(
    path: Path,
    belongs_to: Mapping[str, str],
    history: Sequence[Sequence[float]],
    variables: Mapping[str, Sequence[Any]],
) -> None:
    """Write a checkpoint, whole or not at all.

    belongs_to: digests by the name of what they are of; a checkpoint is used for equal ones only. history: rows of
    numbers. variables: by kind, what `numpy.asarray` takes; converted one by one, since together they may be large.
    """
    with new_file(path) as file:
        file.attrs["belongs_to"] = json.dumps(dict(belongs_to))
        file["history"] = np.asarray(history, np.float64)
        for kind, values in variables.items():
            for number, value in enumerate(values):
                file[f"{kind}/{number}"] = np.asarray(value)


def find_checkpoint(folder: Path, belongs_to: Mapping[str, str]) -> tuple[Path, NDArray[np.float64]] | None:
    """Return path and history of the latest checkpoint in `folder`; None, and why in the log, if it cannot be used.

    belongs_to: as `write_checkpoint` takes it. The history is (epochs, columns) float64.
    """
    paths = sorted(folder.glob(CHECKPOINTS))
    if not paths:
        return None
    try:
        with open_file(paths[-1]) as file:
            found, history = json.loads(str(file.attrs["belongs_to"])), file["history"][()]
    except (OSError, KeyError, ValueError) as error:
        logger.warning("the checkpoint %s is damaged (%s): training starts over", paths[-1], error)
        return None
    others = [name for name in belongs_to if found.get(name) != belongs_to[name]]
    if others:
        logger.warning("the checkpoint %s has other %s: training starts over", paths[-1], ", ".join(others))
        return None
    return paths[-1], history


def restore_variables(path: Path, kind: str, variables: Sequence[Any]) -> None:
    """Assign to each of `variables` (with a method `assign`) what `write_checkpoint` stored as `kind`.

    Raises KeyError where it stored fewer of them.
    """
    with open_file(path) as file:
        for number, variable in enumerate(variables):
            variable.assign(file[f"{kind}/{number}"][()])


def keep_only(folder: Path, epochs: Sequence[int]) -> None:
    """Delete the folder's checkpoints but those of `epochs`, and what killed writers left.

    A training that was left behind by a run that was killed may still write beside this one.
    """
    kept = {checkpoint_path(folder, epoch) for epoch in epochs}
    for path in set(folder.glob(CHECKPOINTS)) - kept:
        path.unlink(missing_ok=True)
    remove_left_overs(folder)
