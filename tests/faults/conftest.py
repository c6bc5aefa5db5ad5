"""Small studies that are run."""

from ..workflow.conftest import given  # noqa: F401
