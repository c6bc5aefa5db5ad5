"""The functions of map sources, called by their names in the registry."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from .blocks import MapBlock
from .inputs import Inputs


def blocks_of(compute: str, called_by: str | None, inputs: Inputs, options: Mapping[str, Any]) -> Iterator[MapBlock]:
    """Return the blocks of maps that a source's function makes; see `study.sources.Kind`.

    compute, called_by: `module:function` in this library. Nothing but these modules is imported.
    """
    function = named_function(compute)
    blocks: Iterator[MapBlock] = (
        named_function(called_by)(function, inputs, **options) if called_by else function(inputs, **options)
    )
    return blocks


def named_function(name: str) -> Callable[..., Any]:
    """Return the function called `module:function` in this library."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"dermalign.{module}"), function)
    return found
