"""Quoted-printable in pieces: legal in any order, and equal to the plain render when decoded."""

import itertools
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Person
from newsletter.personal.fill import FILL_HTML, FILL_PLAIN, context_for
from newsletter.personal.quoted import QUOTED_HTML, QUOTED_PLAIN, finish, quoted
from tests.personal.samples import CAST, compiled, links

NASTY = [
    "x \t",
    "a" * 74 + "=",
    "",
    " ",
    "=",
    "\n",
    "é",
    "😀" * 40,
    "a" * 75,
    "a" * 76,
    "a" * 77,
    "a" * 73 + "é",
    "a" * 74 + "=",
    ".",
    "x \t",
]


def assert_legal(body: str) -> None:
    assert body.isascii()
    assert "\r" not in body.replace("\r\n", "") and "\n" not in body.replace("\r\n", "")
    for line in body.split("\r\n"):
        assert len(line) <= 76
        assert not line.endswith((" ", "\t"))


def decoded(body: str) -> str:
    return quopri.decodestring(body.encode("ascii")).decode("utf-8")


@pytest.mark.parametrize("pieces", list(itertools.permutations(NASTY, 2)))
def test_pieces_can_follow_one_another_in_any_order(pieces: tuple[str, str]) -> None:
    body = finish("".join(quoted(piece) for piece in pieces))
    assert_legal(body)
    assert decoded(body) == "".join(pieces).replace("\n", "\r\n")


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=200), max_size=6
    )
)
def test_whatever_the_pieces_are_they_decode_to_themselves(pieces: list[str]) -> None:
    body = finish("".join(quoted(piece) for piece in pieces))
    assert_legal(body)
    assert decoded(body) == "".join(pieces).replace("\n", "\r\n")


@pytest.mark.parametrize("person", CAST, ids=lambda person: person.email)
def test_a_quoted_part_decodes_to_the_plain_render(person: Person) -> None:
    issue, context = compiled(), context_for(person, links())
    for part, plain, quoted_in in (
        (issue.html, FILL_HTML, QUOTED_HTML),
        (issue.text, FILL_PLAIN, QUOTED_PLAIN),
    ):
        body = finish(quoted_in.template(part).render(context))
        assert_legal(body)
        assert decoded(body) == plain.template(part).render(context).replace("\n", "\r\n")
