"""The shards of several map sources, source by source, as the jobs that compare them read them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import InputError
from ..overlap.shards import Shards, read_shards
from ..terms import UNION


def read_sources(paths: Iterable[str | Path]) -> Iterator[tuple[tuple[str, str], dict[str, Shards]]]:
    """Yield (model, method) and {feature: shards} of each source, in the order in which the paths have them.

    paths: of shards, `.../{model}/{method}/{feature}/{threshold}.csv`, in any order. Only one source is held in memory.
    Raises InputError as `shards.read_shards`, and where a picture that shows a feature is not among the union's.
    """
    sources: dict[tuple[str, str], dict[str, dict[str, Path]]] = {}
    for path in map(Path, paths):
        model, method, feature = path.parts[-4:-1]
        sources.setdefault((model, method), {}).setdefault(feature, {})[path.stem] = path
    for name, features in sources.items():
        shards = {feature: read_shards(of_feature) for feature, of_feature in features.items()}
        for feature in features if UNION in features else ():
            if lacking := set(shards[feature].images) - set(shards[UNION].images):
                first, of_union = (next(iter(features[each].values())) for each in (feature, UNION))
                raise InputError(
                    f"{first.parent} has {min(lacking)}, which {of_union.parent} lacks: a file of one of these folders "
                    "was changed, or they are of different runs. Delete both folders to make them anew."
                )
        yield name, shards
