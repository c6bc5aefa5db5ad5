"""Whole numbers as text, and values in scripts that no text in them can end."""

import json

import numpy as np
import pytest
from dermalign.explorer.packing import data_script, packed, script_text
from explorer_cases import delivered, unpacked
from hypothesis import given
from hypothesis import strategies as st


@given(width=st.integers(1, 4), data=st.data())
def test_numbers_are_read_as_they_were_written(width: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, 256**width - 1), max_size=40))
    assert unpacked(packed(np.array(values, dtype=np.int64), width), width).tolist() == values


@pytest.mark.parametrize("value", [-1, 256])
def test_what_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="do not fit into 1 bytes"):
        packed(np.array([0, value]), 1)


TEXTS = st.text(st.sampled_from("</script>!-\u2028\u2029\"'\\&é\n")) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@given(value=JSON)
def test_a_value_ends_no_script(value: object) -> None:
    text = script_text(value)
    assert not any(sign in text for sign in ("<", "\u2028", "\u2029"))
    assert json.loads(text) == value
    assert delivered(data_script("sources/0", value)) == ("sources/0", value)


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_script("study", float("nan"))
