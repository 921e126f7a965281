"""The largest message that anybody may get."""

import dataclasses

import pytest

from newsletter.checks import residuals, size
from newsletter.model import CompiledIssue, Image, Residual
from newsletter.personal.fill import Filler
from newsletter.settings import Tracking
from tests.checks.drafts import Table, change

OFF = Tracking()
KB = 1024


def issue(html: str, **constants: object) -> CompiledIssue:
    """Return an issue with this HTML; «…» is a value, ‹…› a block."""
    source = (
        html.replace("«", "\ue000{").replace("»", "}\ue000").replace("‹", "\ue001{").replace("›", "}\ue001")
    )
    empty = Residual(source="")
    return CompiledIssue(
        slug="s",
        title="t",
        language="en",
        subject=empty,
        html=Residual(source=source, constants=constants),
        text=empty,
    )


def length(html: str, **constants: object) -> int:
    return size.largest_html(issue(html, **constants), OFF)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("plain", 5),
        ("ä€", 5),
        ("‹ if a ›12345‹ endif ›", 5),
        ("‹ if a ›12345‹ else ›123‹ endif ›", 5),
        ("‹ if a ›1‹ elif b ›1234567‹ else ›123‹ endif ›", 7),
        ("‹ if a ›1‹ if b ›23‹ else ›234‹ endif ›‹ else ›123‹ endif ›", 4),
        ("‹ for t in subscriber.tags ›ab‹ else ›none‹ endfor ›", 24),
        ("‹ for t in [1, 2] ›ab‹ endfor ›", 4),
        ("« subscriber.name »", 120),
        ("« subscriber.name|default('friend') »", 120),
        ("« (unsubscribe_url)|safe_url »", 240),
        ("« 'a' if subscriber.x else 'abcdef' »", 6),
        ("« subscriber.x == 1 »", 5),
        ("« subscriber.name ~ '!!' »", 122),
        ("‹ for t in subscriber.tags ›« t »‹ endfor ›", 12 * 120),
    ],
)
def test_the_largest_branch_counts_and_values_are_long(html: str, expected: int) -> None:
    assert length(html) == expected


def test_the_issues_own_values_are_measured_as_they_are() -> None:
    assert length("« const_0 »", const_0="a & b") == len("a &amp; b")
    assert length("‹ for x in const_0 ›ab‹ endfor ›", const_0=[1, 2, 3]) == 6


def test_nobodys_message_is_larger_than_the_largest() -> None:
    greeting = "Hi « subscriber.name|default('you') », "
    choice = "‹ if subscriber.a ›one‹ elif subscriber.b ›«subscriber.b»‹ endif ›."
    made = issue(greeting + choice + "‹ for t in subscriber.tags ›<« t »>‹ else ›none‹ endfor ›")
    largest = size.largest_html(made, OFF)
    fill = Filler(made).html
    for person in (
        {},
        {"name": "é" * 60, "a": True, "tags": ["x" * 120] * 12},
        {"name": "Ada", "b": "b" * 120, "tags": []},
    ):
        assert len(fill({"subscriber": person}).encode()) <= largest


def test_tracking_makes_links_longer() -> None:
    page = '<a href="https://example.org/">x</a>'
    assert size.largest_html(issue(page), Tracking(clicks=True)) == len(page) + 220
    assert size.largest_html(issue(page), Tracking(opens=True)) == len(page) + 300


@pytest.mark.parametrize(
    ("bytes_", "checks"),
    [
        (90 * KB - 1, []),
        (90 * KB, ["size-near-clipping"]),
        (102 * KB - 1, ["size-near-clipping"]),
        (102 * KB, ["size-clipped"]),
    ],
)
def test_gmail_cuts_at_102_kb(bytes_: int, checks: list[str]) -> None:
    assert [found.check for found in size.check(issue("x" * bytes_), "here", OFF)] == checks


def test_exclusive_branches_do_not_add_up(table: Table) -> None:
    half = "Many words for you. " * 2500
    text = change(
        "Some words", f"{{% if subscriber.city %}}\n{half}\n{{% else %}}\n{half}\n{{% endif %}}\n\nSome"
    )
    assert table.found(text) == []
    assert ("size-clipped", "issues/2026-12-under-test.md") in table.found(change("{% else %}", "", text))


@pytest.mark.parametrize(
    ("megabytes", "checks"),
    [(7, []), (8, ["message-large"]), (29, ["message-large"]), (30, ["message-too-large"])],
)
def test_amazons_limit_is_that_of_the_encoded_message(megabytes: int, checks: list[str]) -> None:
    picture = Image(name="a.gif", cid="a@b", content_type="image/gif", data=bytes(megabytes * 2**20))
    made = dataclasses.replace(issue("x"), images=[picture])
    assert [found.check for found in size.check(made, "here", OFF)] == checks


@pytest.mark.parametrize(
    ("source", "always"),
    [
        ("« u »", True),
        ("« u|safe_url »", True),
        ("‹ if a ›« u »‹ endif ›", False),
        ("‹ if a ›« u »‹ else ›« u »‹ endif ›", True),
        ("‹ if a ›« u »‹ elif b ›no‹ else ›« u »‹ endif ›", False),
        ("‹ for t in a ›« u »‹ endfor ›", False),
        ("‹ for t in a ›« u »‹ else ›« u »‹ endfor ›", True),
        ("« a or u »", False),
        ("« a and u »", False),
        ("« u if a »", False),
        ("« u if a else u ~ '?b' »", True),
        ("« not u »", False),
        ("« 'x'|default(u) »", False),
        ("u", False),
    ],
)
def test_what_is_always_shown(source: str, always: bool) -> None:
    assert residuals.always_shows(issue(source).html, "u") is always
