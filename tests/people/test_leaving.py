"""Leaving the list."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, update

from newsletter.errors import UsageError
from newsletter.people.adding import add_subscriber
from newsletter.people.leaving import unsubscribe
from newsletter.store.engine import reading
from newsletter.store.subscribers import SubscriberHistory, show
from newsletter.store.tables import subscribers

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def ada(engine: Engine) -> int:
    """Ada's id: a confirmed subscriber."""
    return add_subscriber(engine, "ada@example.org", clock=lambda: NOON).id


def history(engine: Engine) -> SubscriberHistory:
    with reading(engine) as connection:
        found = show(connection, "ada@example.org")
    assert found is not None
    return found


def test_leaving_is_recorded_with_when_and_how(engine: Engine, ada: int) -> None:
    assert (
        unsubscribe(engine, ada, how="one-click", source="issue 7", ip="192.0.2.1", clock=lambda: LATER)
        == "unsubscribed"
    )
    event = history(engine).consent[-1]
    assert (event.kind, event.how, event.source, event.ip, event.at) == (
        "unsubscribed",
        "one-click",
        "issue 7",
        "192.0.2.1",
        LATER,
    )
    assert history(engine).subscriber.status == "unsubscribed"


def test_leaving_by_address_whatever_its_spelling(engine: Engine, ada: int) -> None:
    assert unsubscribe(engine, " ADA@Example.ORG", how="cli", clock=lambda: LATER) == "unsubscribed"


def test_leaving_twice_leaves_one_record(engine: Engine, ada: int) -> None:
    unsubscribe(engine, ada, how="one-click", clock=lambda: NOON)
    assert unsubscribe(engine, ada, how="mailto", clock=lambda: LATER) == "already"
    assert [event.kind for event in history(engine).consent] == ["added", "unsubscribed"]
    assert history(engine).subscriber.updated_at == NOON


@pytest.mark.parametrize(
    ("before", "answer", "after"),
    [
        ("pending", "unsubscribed", "unsubscribed"),
        ("bounced", "unsubscribed", "unsubscribed"),
        ("complained", "already", "complained"),
    ],
)
def test_leaving_from_another_state(engine: Engine, ada: int, before: str, answer: str, after: str) -> None:
    with engine.begin() as connection:
        connection.execute(update(subscribers).values(status=before))
    assert unsubscribe(engine, ada, how="mailto", clock=lambda: LATER) == answer
    assert history(engine).subscriber.status == after


@pytest.mark.parametrize("who", ["bob@example.org", 999])
def test_who_is_not_there_is_unknown_and_no_error(engine: Engine, ada: int, who: str | int) -> None:
    assert unsubscribe(engine, who, how="one-click", clock=lambda: LATER) == "unknown"
    assert history(engine).subscriber.status == "confirmed"


def test_a_text_that_is_no_address_is_a_usage_error(engine: Engine) -> None:
    with pytest.raises(UsageError, match="no @"):
        unsubscribe(engine, "ada", how="cli", clock=lambda: LATER)
