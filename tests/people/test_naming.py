"""How tags and fields are called."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.people.naming import field_name, one_line, tag_name


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Families", "families"),
        (" Group  Therapy ", "group-therapy"),
        ("Ärzte", "ärzte"),
        ("a(b):c", "a-b-c"),
        ("a\udce9b\x9f", "a-b"),
    ],
)
def test_a_tag_is_one_lower_case_word(text: str, tag: str) -> None:
    assert tag_name(text) == tag


@pytest.mark.parametrize(("text", "reason"), [("", "empty"), (' "" ', "empty"), ("x" * 65, "longer than 64")])
def test_a_tag_that_cannot_be_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tag_name(text)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=80))
def test_a_field_name_is_an_identifier_that_no_dictionary_has(text: str) -> None:
    try:
        name = field_name(text)
    except ValueError:
        return
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name)
    assert not hasattr({}, name)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_one_line_has_neither_line_breaks_nor_control_characters(text: str) -> None:
    line = one_line(text)
    assert line.isprintable() or not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    assert len(line.splitlines()) <= 1
