"""Maps of segmentation networks: how probable each cell is to show each feature, of a network that saw no such picture.

A map per feature, and one of the union, an output of its own. The saliency is the probability itself, not stretched:
it has a meaning, and a picture without a feature has none. Raw maps are the scores before the sigmoid.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ..classifiers.architectures import logits_of
from ..classifiers.batches import padded_batches
from ..classifiers.brought.keras_files import load_keras_file
from ..errors import InputError
from ..logs import progress
from .blocks import MapBlock
from .inputs import Inputs


def segmentation_blocks(
    inputs: Inputs, folds: pd.DataFrame, networks: Mapping[int, str | Path], batch_size: int
) -> Iterator[tuple[Path, MapBlock]]:
    """Yield blocks of maps of the inputs' pictures, each with the network that made it: that of their fold.

    inputs: images, features (those of the outputs, in order), pictures, and `input_size` among the settings. folds: as
    `segmentation.folds` describes. networks: {fold: path}. Pictures of a fold are in order, folds in theirs; only one
    network is in memory. Raises InputError as `Inputs.decoded`, and as `load_keras_file`.
    """
    fold_of = dict(zip(folds["image"], folds["fold"], strict=True))
    if lacking := [image for image in inputs.images if image not in fold_of]:
        raise InputError(f"the table of folds lacks {len(lacking)} pictures, among them {lacking[0]}; delete it")
    size = int(inputs.settings["input_size"])
    for fold, path in networks.items():
        images = [image for image in inputs.images if fold_of[image] == fold]
        if not images:
            continue
        network = load_keras_file(path)
        scores = logits_of(network)
        decoded = progress(inputs.decoded(images, size), len(images), f"maps of fold {fold}")
        start = 0
        for pictures, count in padded_batches(decoded, batch_size):
            raw = np.asarray(scores.predict_on_batch(pictures.astype(np.float32)))[:count].transpose(0, 3, 1, 2)
            raw = np.ascontiguousarray(raw, np.float32)
            saliency = (1 / (1 + np.exp(-raw.astype(np.float64)))).astype(np.float32)
            degenerate = raw.reshape(count, len(inputs.features), -1)
            yield (
                Path(path),
                MapBlock(
                    images[start : start + count],
                    saliency,
                    raw,
                    np.asarray((degenerate.max(axis=-1) == degenerate.min(axis=-1)).all(axis=1)),
                    features=list(inputs.features),
                    layer="probabilities",
                ),
            )
            start += count
