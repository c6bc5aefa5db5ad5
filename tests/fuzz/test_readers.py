"""Every reader, given valid files after changes, and files that are nearly valid: a value or an InputError, no more.

By hand, for as long as there is time: `EXAMPLES=9000 .venv/bin/python -m pytest tests/fuzz/test_readers.py -k mask`.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from .grammars import contents
from .targets import TARGETS, execute

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of Pillow and zipfile on what is damaged

# As many as take each reader about two seconds. Always the same ones, so that no change fails for what another brought.
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
OF_SLOW = {"configuration": 60, "feedback_zip": 120, "feedback_json": 150, "archive": 200, "labels": 250}


@pytest.mark.parametrize("name", TARGETS)
def test_any_content_gives_a_value_or_the_documented_error(name: str) -> None:
    target = TARGETS[name]

    @settings(
        max_examples=EXAMPLES or OF_SLOW.get(name, 300),
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(content=contents(name, target.seeds(), target.tokens))
    def reads(content: bytes) -> None:
        execute(name, content)

    reads()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_read(name: str) -> None:
    """At least one seed of each reader is read without a word: else nothing behind the first check would be tried."""
    assert any(execute(name, content) == [] for content in TARGETS[name].seeds())
