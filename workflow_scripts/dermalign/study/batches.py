"""Into which jobs the work is dealt: pictures by a hash of their names, thresholds by when they came into the grid."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import InputError
from ..files import write_text


def batches(images: Iterable[str], count: int) -> dict[str, list[str]]:
    """Deal images into `count` batches by a hash of their names: a new picture touches its own batch only.

    Batches that no picture falls into are left out. Images keep their order within a batch.
    """
    result: dict[str, list[str]] = {}
    for image in images:
        result.setdefault(f"{name_hash(image) % count:05d}", []).append(image)
    return dict(sorted(result.items()))


def name_hash(image: str) -> int:
    """Return a number of 64 bits that follows from an image's name alone."""
    return int.from_bytes(hashlib.sha256(image.encode()).digest()[:8])


def fixed_sample(images: Iterable[str], count: int) -> list[str]:
    """Return at most `count` of some pictures, by name: those with the least hashes of their names.

    A new picture changes one at most, and a larger sample has the smaller one in it.
    """
    return sorted(sorted(images, key=name_hash)[:count])


def shard_blocks(path: str | Path, thresholds: Sequence[str]) -> list[list[str]]:
    """Return the thresholds in blocks: each is computed by one job per map source.

    path: JSON file with the blocks of earlier runs, or no file. A threshold that they know stays in its block, those
    that are new make one more: so a changed grid runs the new shards alone, and 101 thresholds take as many jobs
    as 11. A block none of whose thresholds are configured any more is an empty list, which keeps the numbering. Raises
    InputError for a file that is damaged.
    """
    known = _known_blocks(path)
    blocks = [[name for name in block if name in thresholds] for block in known]
    new = [name for name in thresholds if not any(name in block for block in known)]
    return [*blocks, new] if new else blocks


def remember_blocks(path: str | Path, blocks: Sequence[Sequence[str]]) -> None:
    """Write down the blocks of `shard_blocks`; a threshold that is not configured at present keeps its block."""
    known = _known_blocks(path)
    padded = [*known, *([] for _ in range(len(blocks) - len(known)))]
    merged = [sorted({*old, *new}) for old, new in zip(padded, blocks, strict=True)]
    if merged != known:
        write_text(path, json.dumps(merged, indent=1) + "\n")


def _known_blocks(path: str | Path) -> list[list[str]]:
    if not Path(path).is_file():
        return []
    try:
        blocks = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise _damaged(path, str(error)) from error
    if not isinstance(blocks, list) or not all(isinstance(block, list) for block in blocks):
        raise _damaged(path, "it is no list of lists")
    names = [name for block in blocks for name in block]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise _damaged(path, "each threshold must be a text, and in one block only")
    return blocks


def _damaged(path: str | Path, reason: str) -> InputError:
    return InputError(
        f"{path} is damaged ({reason}). It says in which job each threshold is computed; delete it, and the shards are "
        "computed once more."
    )
