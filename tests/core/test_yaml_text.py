"""What is written as YAML is read again by PyYAML's own reader as it was."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from earmark.core.yaml_text import to_yaml

# YAML has no surrogates and no control characters but tab and line breaks.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\x85"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_it_is_read_as_it_was(values: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(values)) == values


@pytest.mark.parametrize("text", ["\x85", "a\x85b", "ọmọ", "أم", "\u2028", "\ufeffa", " a ", "yes", "1e3", "~", "a: b"])
def test_strings_that_mean_something_else_bare(text: str) -> None:
    assert yaml.safe_load(to_yaml({"name": text})) == {"name": text}


def test_scripts_and_order_stay_readable() -> None:
    assert to_yaml({"b": "ọmọ", "a": "أم"}) == "b: ọmọ\na: أم\n"
