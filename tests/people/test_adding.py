"""Adding one person by hand."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, insert, update

from newsletter.errors import ConsentError, UsageError
from newsletter.people.adding import Added, add_subscriber
from newsletter.people.leaving import unsubscribe
from newsletter.store.engine import reading
from newsletter.store.subscribers import SubscriberHistory, known_fields, show
from newsletter.store.tables import subscribers, suppressions

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 2, 12, tzinfo=UTC)


def history(engine: Engine, key: str = "ada@example.org") -> SubscriberHistory:
    with reading(engine) as connection:
        found = show(connection, key)
    assert found is not None
    return found


def set_status(engine: Engine, status: str) -> None:
    with engine.begin() as connection:
        connection.execute(update(subscribers).values(status=status))


def add(engine: Engine, email: str = "ada@example.org") -> Added:
    return add_subscriber(engine, email, clock=lambda: NOON)


def test_a_person_is_added_as_confirmed_with_the_owners_word_for_it(engine: Engine) -> None:
    added = add_subscriber(
        engine,
        "Ada@Example.org",
        name=" Ada\n Byron ",
        tags=["Families"],
        fields={"City": "Berlin"},
        consent="asked at the open day",
        clock=lambda: NOON,
    )
    assert added.outcome == "new"
    ada = history(engine)
    assert (ada.subscriber.email, ada.subscriber.name, ada.subscriber.status) == (
        "Ada@Example.org",
        "Ada Byron",
        "confirmed",
    )
    assert (ada.subscriber.tags, ada.subscriber.attributes) == (["families"], {"city": "Berlin"})
    assert [(e.kind, e.how, e.source, e.at) for e in ada.consent] == [
        ("added", "cli", "asked at the open day", NOON)
    ]
    with reading(engine) as connection:
        assert "city" in known_fields(connection)


def test_adding_again_updates_what_was_given_and_nothing_else(engine: Engine) -> None:
    first = add_subscriber(
        engine, "ada@example.org", name="Ada", tags=["a"], fields={"city": "Berlin"}, clock=lambda: NOON
    )
    again = add_subscriber(
        engine, "ADA@example.org", tags=["b"], fields={"since": "2020"}, clock=lambda: LATER
    )
    renamed = add_subscriber(engine, "ada@example.org", name="Ada Byron", clock=lambda: LATER)
    assert renamed.outcome == "updated"
    assert (again.id, again.outcome) == (first.id, "updated")
    ada = history(engine)
    assert (ada.subscriber.name, ada.subscriber.tags) == ("Ada Byron", ["a", "b"])
    assert ada.subscriber.attributes == {"city": "Berlin", "since": "2020"}
    assert (ada.subscriber.created_at, ada.subscriber.updated_at) == (NOON, LATER)
    assert len(ada.consent) == 1


def test_adding_the_same_twice_changes_nothing(engine: Engine) -> None:
    for outcome, now in (("new", NOON), ("unchanged", LATER)):
        added = add_subscriber(
            engine,
            "ada@example.org",
            name="Ada",
            tags=["a"],
            fields={"city": "Berlin"},
            clock=lambda now=now: now,  # type: ignore[misc]
        )
        assert added.outcome == outcome
    assert history(engine).subscriber.updated_at == NOON


def test_a_pending_person_becomes_confirmed(engine: Engine) -> None:
    add(engine)
    set_status(engine, "pending")
    assert add(engine).outcome == "updated"
    assert history(engine).subscriber.status == "confirmed"
    assert [event.kind for event in history(engine).consent] == ["added", "added"]


def test_who_has_left_is_not_added_again(engine: Engine) -> None:
    add(engine)
    unsubscribe(engine, "ada@example.org", how="one-click", clock=lambda: NOON)
    with pytest.raises(ConsentError, match="unsubscribed"):
        add_subscriber(engine, "ada@example.org", tags=["x"], clock=lambda: LATER)
    ada = history(engine).subscriber
    assert (ada.status, ada.tags, ada.updated_at) == ("unsubscribed", [], NOON)


@pytest.mark.parametrize(("status", "reason"), [("bounced", "does not exist"), ("complained", "spam")])
def test_who_bounced_or_complained_is_not_added_again(engine: Engine, status: str, reason: str) -> None:
    add(engine)
    set_status(engine, status)
    with pytest.raises(ConsentError, match=reason):
        add(engine)


def test_a_suppressed_address_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(suppressions).values(email_key="ada@example.org", reason="complaint", at=NOON)
        )
    with pytest.raises(ConsentError, match=r"suppressed \(complaint\)"):
        add(engine, "Ada@example.org")
    with reading(engine) as connection:
        assert show(connection, "ada@example.org") is None


def test_an_address_that_amazon_cannot_mail_is_added_and_said_so(engine: Engine) -> None:
    assert add(engine, "jörg@example.org").sendable is False
    assert history(engine, "jörg@example.org").subscriber.sendable is False


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"email": "ada@"}, "not an e-mail address"),
        ({"tags": ["()"]}, "a tag is empty"),
        ({"fields": {"!": "x"}}, "needs a name"),
        ({"fields": {"Name": "x"}}, "name is not a custom field"),
    ],
)
def test_what_cannot_be_kept_is_a_usage_error(engine: Engine, given: dict[str, object], what: str) -> None:
    arguments: dict[str, object] = {"email": "ada@example.org", **given}
    with pytest.raises(UsageError, match=what):
        add_subscriber(engine, clock=lambda: NOON, **arguments)  # type: ignore[arg-type]
    with reading(engine) as connection:
        assert show(connection, "ada@example.org") is None
