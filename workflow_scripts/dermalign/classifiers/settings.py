"""What a classifier's settings must say. Nothing is filled in here: a notebook trains as the workflow does."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputError


def demand(settings: Mapping[str, Any], *names: str) -> None:
    """Raise `InputError` unless `settings` has all of `names`, naming those that it lacks; null is a value.

    names: keys, of keys within them `outer.inner`.
    """
    lacking = [name for name in names if not _has(settings, name.split("."))]
    if lacking:
        raise InputError(
            f"the classifier's settings lack {', '.join(f'`{name}`' for name in lacking)}; "
            "`dermalign.study.configuration.complete_model(settings)` fills in the schema's defaults"
        )


def _has(settings: Any, parts: Iterable[str]) -> bool:
    for part in parts:
        if not isinstance(settings, Mapping) or part not in settings:
            return False
        settings = settings[part]
    return True
