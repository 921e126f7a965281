"""Giving a person tags, and taking them off."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from newsletter.errors import UsageError
from newsletter.people.adding import add_subscriber
from newsletter.people.tagging import change_tags
from newsletter.store.engine import reading
from newsletter.store.subscribers import Subscriber, show

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def ada(engine: Engine) -> Engine:
    """Ada has one tag."""
    add_subscriber(engine, "ada@example.org", tags=["families"], clock=lambda: NOON)
    return engine


def person(engine: Engine) -> Subscriber:
    with reading(engine) as connection:
        found = show(connection, "ada@example.org")
    assert found is not None
    return found.subscriber


def test_tags_are_given_and_taken_off(ada: Engine) -> None:
    given = change_tags(ada, "ADA@example.org", ["Open Day", "families"], "add", clock=lambda: LATER)
    assert (given, person(ada).tags, person(ada).updated_at) == (1, ["families", "open-day"], LATER)
    taken = change_tags(ada, "ada@example.org", ["Families", "nothing"], "remove", clock=lambda: LATER)
    assert (taken, person(ada).tags) == (1, ["open-day"])


def test_what_changes_nothing_leaves_no_trace(ada: Engine) -> None:
    assert change_tags(ada, "ada@example.org", ["families"], "add", clock=lambda: LATER) == 0
    assert change_tags(ada, "ada@example.org", ["other"], "remove", clock=lambda: LATER) == 0
    assert person(ada).updated_at == NOON


@pytest.mark.parametrize(
    ("email", "tag", "what"),
    [
        ("bob@example.org", "a", "no subscriber"),
        ("bob", "a", "no @"),
        ("ada@example.org", "()", "a tag is empty"),
    ],
)
def test_what_cannot_be_is_a_usage_error(ada: Engine, email: str, tag: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        change_tags(ada, email, [tag], "add", clock=lambda: LATER)
