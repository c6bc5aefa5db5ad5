"""How saliency methods are asked: with a classifier and pictures, all that one pass can serve in one pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..classifiers.batches import asked_size, padded_batches
from ..classifiers.classifier import Classifier
from ..classifiers.functions import PassFunction, Place, ScoreFunction, class_indices
from ..classifiers.passes import BEFORE_SOFTMAX
from ..classifiers.probabilities import softmax
from ..errors import InputError
from .network import Network

# What a method's function is given. Of one pass of a batch: (output, gradient of the class score there) of a layer, or
# of the pictures. Or, picture by picture, the classifier itself as a `Network`, to be asked about changed pictures.
LAYER, PICTURES, NETWORK = "layer", "pictures", "network"

# What becomes of a map's negative parts, which speak against the class: nothing, or their size counts.
DROP, ABSOLUTE = "drop", "absolute"

PREDICTED = "predicted"


@dataclass(frozen=True)
class Method:
    """A saliency method as it is asked.

    function: of a formula (LAYER, PICTURES), tensors in, maps (n,h,w) out; of NETWORK, (network, picture, target,
    random, **options) to one map (h,w). takes: which. layer: the name, as the classifier takes it, of the layer whose
    output it is given. negative: of a method whose maps have negative parts, what becomes of them; None of others.
    """

    function: Callable[..., Any]
    takes: str
    layer: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    negative: str | None = None


@dataclass(frozen=True)
class Explained:
    """Maps and predictions of n pictures."""

    raw: NDArray[np.float32]
    """(n, h, w), not stretched, not negative; but of RISE where the scores before the softmax are"""
    probabilities: NDArray[np.float32]
    """(n, classes), softmax of the class scores"""
    predicted: NDArray[np.int64]
    """(n,) class indices"""
    target: NDArray[np.int64]
    """(n,) indices of the classes that the maps explain"""
    signed: NDArray[np.float32] | None = None
    """(n, h, w), with negative parts, of a method that has some"""


# Of pictures and a target, as `explained_batches` takes them: their maps, batch by batch.
Explainer = Callable[..., Iterator[dict[str, Explained]]]


class _Batch(NamedTuple):
    pictures: NDArray[Any]
    """(size, H, W, 3), the last filled up with copies"""
    asked: int
    """how many of them are asked about"""
    target: Any
    """`predicted`, or (size,) class indices"""


def explained_batches(
    classifier: Classifier,
    methods: Mapping[str, Method],
    pictures: Iterable[NDArray[np.uint8]],
    *,
    target: "str | ArrayLike" = PREDICTED,
    score: str = BEFORE_SOFTMAX,
    batch_size: int = 32,
    logits: str | None = None,
    seed: int = 0,
) -> Iterator[dict[str, Explained]]:
    """Yield the maps of some methods, batch by batch: formulas by one pass for all, others picture by picture.

    pictures: (H, W, 3) uint8, values 0 to 255, of the classifier's input size; only a batch is held at a time. target:
    the class to be explained, `predicted`, or an index per picture. score: of it, before or after the softmax. logits:
    the name of the layer of the class scores, None where they are before the final softmax. seed: of what methods
    draw, for every picture the same, so that no map depends on which other pictures there are; nor does it on
    `batch_size` (see `asked_size`).
    Raises `InputError` for a missing or unsuitable layer, pictures of another size, targets that are no class indices
    or not as many as pictures, formulas together with others, and when scores are not finite.
    """
    size = asked_size(batch_size)
    explain = explainer(classifier, methods, score=score, batch_size=size, logits=logits, seed=seed)
    yield from explain(pictures, target)


def explainer(
    classifier: Classifier,
    methods: Mapping[str, Method],
    *,
    score: str = BEFORE_SOFTMAX,
    batch_size: int = 32,
    logits: str | None = None,
    seed: int = 0,
) -> Explainer:
    """Return the function of pictures and targets that `explained_batches` is, which compiles once for all its calls.

    The classifier's weights are read at each call. Arguments and what is raised: as there.
    """
    together = {method.takes == NETWORK for method in methods.values()}
    if len(together) != 1:
        raise InputError("methods that ask the network by themselves and others are asked apart")
    is_by_picture = together.pop()
    ask: Callable[[_Batch], dict[str, Explained]]
    if is_by_picture:
        networks = {name: Network(classifier, each.layer, logits, score, batch_size) for name, each in methods.items()}
        ask = partial(_by_picture, classifier.name, methods, networks, classifier.scores(logits), seed)
    else:
        places = [Place(each.layer if each.takes == LAYER else None, each.function) for each in methods.values()]
        ask = partial(_passed, classifier.name, methods, classifier.passing(places, logits, score))
    return partial(_asked, ask, 1 if is_by_picture else batch_size)


def _asked(
    ask: Callable[[_Batch], dict[str, Explained]],
    size: int,
    pictures: Iterable[NDArray[np.uint8]],
    target: "str | ArrayLike" = PREDICTED,
) -> Iterator[dict[str, Explained]]:
    indices = class_indices(target, np.size(target))
    targets = None if isinstance(target, str) else indices
    done = 0
    for filled, count in padded_batches(pictures, size):
        chosen: Any = target
        if targets is not None:
            of_batch = targets[done : done + count]
            if len(of_batch) < count:
                raise InputError(f"target: {len(targets)} class indices for more pictures")
            chosen = np.concatenate([of_batch, np.repeat(of_batch[-1:], len(filled) - count)])
        done += count
        yield ask(_Batch(filled, count, chosen))
    if targets is not None and done < len(targets):
        raise InputError(f"target: {len(targets)} class indices for {done} pictures")


def _passed(model: str, methods: Mapping[str, Method], one_pass: PassFunction, batch: _Batch) -> dict[str, Explained]:
    found = one_pass(batch.pictures, batch.target)
    logits = found.logits[: batch.asked]
    _check_finite(model, logits)
    maps = {name: values[: batch.asked] for name, values in zip(methods, found.values, strict=True)}
    return _explained(methods, maps, logits, batch)


def _by_picture(
    model: str,
    methods: Mapping[str, Method],
    networks: Mapping[str, Network],
    evaluate: ScoreFunction,
    seed: int,
    batch: _Batch,
) -> dict[str, Explained]:
    logits = evaluate(batch.pictures)[: batch.asked]
    _check_finite(model, logits)
    targets = _targets(batch, logits)
    maps = {
        name: np.stack(
            [
                method.function(networks[name], picture, int(index), np.random.default_rng(seed), **method.options)
                for picture, index in zip(batch.pictures, targets, strict=False)
            ]
        )
        for name, method in methods.items()
    }
    return _explained(methods, maps, logits, batch)


def _targets(batch: _Batch, logits: NDArray[np.float32]) -> NDArray[np.int64]:
    if isinstance(batch.target, str):
        return logits.argmax(axis=1)
    targets = np.asarray(batch.target[: batch.asked], dtype=np.int64)
    if (targets >= logits.shape[1]).any():
        raise InputError(
            f"target: class number {targets.max()}, the classifier tells {logits.shape[1]} apart from 0 on"
        )
    return targets


def _explained(
    methods: Mapping[str, Method],
    maps: Mapping[str, NDArray[np.float32]],
    logits: NDArray[np.float32],
    batch: _Batch,
) -> dict[str, Explained]:
    probabilities = softmax(logits).astype(np.float32)
    predicted, targets = logits.argmax(axis=1), _targets(batch, logits)
    found = {}
    for name, method in methods.items():
        raw, signed = rectified(np.asarray(maps[name], np.float32), method.negative)
        found[name] = Explained(raw, probabilities, predicted, targets, signed)
    return found


def rectified(
    maps: NDArray[np.float32], negative: str | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return (maps without negative parts, maps as they are if they may have some); see `Method.negative`."""
    if negative is None:
        return maps, None
    return np.maximum(maps, 0) if negative == DROP else np.abs(maps), maps


def _check_finite(model: str, logits: NDArray[np.float32]) -> None:
    is_broken = ~np.isfinite(softmax(logits)).all(axis=1)
    if is_broken.any():
        raise InputError(
            f"model {model}: {is_broken.sum()} of {len(logits)} pictures have class scores that are not finite; "
            "its weights are broken, train it again with a smaller learning rate"
        )


def joined(batches: Sequence[Explained]) -> Explained:
    """Return the maps of several batches, at least one, as one."""
    signed = [batch.signed for batch in batches if batch.signed is not None]
    return Explained(
        np.concatenate([batch.raw for batch in batches]),
        np.concatenate([batch.probabilities for batch in batches]),
        np.concatenate([batch.predicted for batch in batches]),
        np.concatenate([batch.target for batch in batches]),
        np.concatenate(signed) if signed else None,
    )
