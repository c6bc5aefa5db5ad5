"""What a classifier is like, as planning asks for it: its saliency layer exists, and how many cells its maps have."""

from collections.abc import Mapping
from typing import Any

from ..study.probing import answer


def probe_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `grid` (h, w) for an entry of `models:`; for a brought classifier all that `adoption.Found` has.

    Raises InputError for an unknown architecture, a layer that the model lacks, an input size that the architecture
    cannot take, or a brought classifier that cannot be used.
    """
    if "classifier" in settings:
        from .brought.adoption import probe_classifier

        return probe_classifier(settings)
    from .architectures import probe

    return {"grid": list(probe(settings)["grid"])}


if __name__ == "__main__":
    answer(probe_model)
