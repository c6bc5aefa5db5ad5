"""The shards of several map sources, source by source, as the jobs that compare them read them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..overlap.shards import Shards, read_shards


def read_sources(paths: Iterable[str | Path]) -> Iterator[tuple[tuple[str, str], dict[str, Shards]]]:
    """Yield (model, method) and {feature: shards} of each source, in the order in which the paths have them.

    paths: of shards, `.../{model}/{method}/{feature}/{threshold}.csv`, in any order. Only one source is held in memory.
    Raises InputError as `shards.read_shards`.
    """
    sources: dict[tuple[str, str], dict[str, dict[str, Path]]] = {}
    for path in map(Path, paths):
        model, method, feature = path.parts[-4:-1]
        sources.setdefault((model, method), {}).setdefault(feature, {})[path.stem] = path
    for name, features in sources.items():
        yield name, {feature: read_shards(of_feature) for feature, of_feature in features.items()}
