"""The areas of faithfulness as a job measures them, from a study's classifier, pictures and files of maps."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..classifiers.backend import limit_threads
from ..classifiers.batches import read_ahead
from ..classifiers.classifier import load_classifier
from ..classifiers.passes import AFTER_SOFTMAX
from ..errors import InputError
from ..logs import progress
from ..study.batches import name_hash
from ..terms import UNION
from .blocks import Maps
from .faithfulness import faithfulness_curves, tie_order
from .faithfulness_files import FaithfulnessRow
from .inputs import Inputs
from .maps import MapFile, open_maps
from .network import Network

AHEAD = 4  # pictures that are decoded while the network computes


def faithfulness_rows(
    inputs: Inputs,
    maps: Sequence[str | Path],
    predicted: Mapping[str, str],
    *,
    steps: int,
    batch_size: int,
    sampled: Iterable[str] = (),
) -> list[FaithfulnessRow]:
    """Return the areas of all sources of maps on a sample of the pictures, the classifier loaded once.

    inputs: `images`, the sample; `classifier`, `settings`, `classes`, `pictures`, `threads`; `seed`, from which, with
    the picture's name, the order of equal pixels follows, whichever the source. maps: files, `{first}/{second}.h5` by
    the two parts of the source's name; where maps differ by feature, that of the union counts. predicted: {image: class
    that the classifier predicts}. steps: as in `faithfulness_curves`. batch_size: pictures per call of the network.
    sampled: `{first}/{second}` of the sources that have maps of some pictures only, which are measured on those.

    Memory: beside a batch of pictures the maps of one picture. Raises InputError for a picture that cannot be read, and
    where a source that should have a map of each picture lacks one.
    """
    limit_threads(inputs.threads)
    network = Network(
        load_classifier(str(inputs.classifier)),
        logits=inputs.settings.get("logits"),
        score=AFTER_SOFTMAX,
        batch_size=batch_size,
    )
    side = int(inputs.settings["input_size"])
    of_source: list[list[FaithfulnessRow]] = [[] for _ in maps]
    with ExitStack() as stack:
        sources = [_Source(stack.enter_context(open_maps(path)), set(sampled)) for path in maps]
        decoded = read_ahead(inputs.decoded(inputs.images, side), AHEAD)
        pictures = progress(decoded, len(inputs.images), "pictures, of which maps are tried")
        for image, picture in zip(inputs.images, pictures, strict=True):
            found = [source.maps(image) for source in sources]
            curves = faithfulness_curves(
                network,
                picture,
                [saliency for of_image in found for saliency in of_image],
                inputs.classes.index(predicted[image]),
                steps,
                tie_order((side, side), [inputs.seed, name_hash(image)]),
            )
            # Of a source's maps of the picture, as draws of chance, the mean; of none there is no row.
            areas = np.split(curves.areas, np.cumsum([len(of_image) for of_image in found])[:-1])
            for rows, source, of_maps in zip(of_source, sources, areas, strict=True):
                if len(of_maps):
                    deletion, insertion = of_maps.mean(axis=0).tolist()
                    rows.append(FaithfulnessRow(*source.name, image, deletion, insertion, *curves.ends))
    return [row for rows in of_source for row in rows]


class _Source:
    """A source of maps: the two parts of its name, and the maps that it has of a picture."""

    def __init__(self, file: MapFile, sampled: set[str]) -> None:
        """file: open, at `{first}/{second}.h5`. sampled: sources that need no map of each picture."""
        path = Path(file.path)
        self.name = (path.parent.name, path.stem)
        self._file, self._is_sample = file, "/".join(self.name) in sampled
        self._rows: dict[str, list[int]] = {}
        for row, image in enumerate(file.images):
            self._rows.setdefault(image, []).append(row)

    def maps(self, image: str) -> Maps:
        """Return the maps of a picture, float32 (n, h, w), of features that of the union; n is 0 beyond a sample."""
        if image not in self._rows:
            if self._is_sample:
                return np.empty((0, *self._file.grid), np.float32)
            raise InputError(f"{self._file.path}: there is no map of {image}. Delete this file and run again.")
        rows = np.array(self._rows[image], dtype=np.int64)
        return self._file.of_feature(self._file.saliency(rows), UNION)
