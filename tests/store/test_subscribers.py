"""Queries about people."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event, insert, update

from newsletter.model import Person, SubscriberStatus
from newsletter.people.adding import add_subscriber
from newsletter.people.leaving import unsubscribe
from newsletter.people.segments import audience
from newsletter.store.engine import reading
from newsletter.store.subscribers import (
    add_tags,
    counts,
    find_id,
    find_suppression,
    known_fields,
    list_subscribers,
    load_people,
    remember_fields,
    show,
)
from newsletter.store.tables import subscribers, suppressions

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def add(engine: Engine, email: str, **more: object) -> int:
    return add_subscriber(engine, email, clock=lambda: NOON, **more).id  # type: ignore[arg-type]


@pytest.fixture
def cast(engine: Engine) -> dict[str, int]:
    """Ada confirmed, Bob pending, Cyd unsubscribed; their ids."""
    ids = {
        "ada": add(engine, "Ada@example.org", name="Ada Byron", tags=["b", "a"], fields={"city": "Berlin"}),
        "bob": add(engine, "bob@example.org", tags=["a"]),
        "cyd": add(engine, "cyd@example.org"),
    }
    unsubscribe(engine, ids["cyd"], how="cli", clock=lambda: NOON)
    with engine.begin() as connection:
        connection.execute(update(subscribers).where(subscribers.c.id == ids["bob"]).values(status="pending"))
    return ids


def test_people_are_loaded_for_templates_in_two_queries(engine: Engine, cast: dict[str, int]) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    with reading(engine) as connection:
        event.listen(connection, "before_cursor_execute", note)
        people = load_people(connection, [cast["ada"], cast["bob"], 999])
    assert people == {
        cast["ada"]: Person(
            id=cast["ada"],
            email="Ada@example.org",
            name="Ada Byron",
            attributes={"city": "Berlin"},
            tags=["a", "b"],
        ),
        cast["bob"]: Person(id=cast["bob"], email="bob@example.org", tags=["a"]),
    }
    assert len(asked) == 2


def test_nobody_is_loaded_for_no_ids(engine: Engine) -> None:
    with reading(engine) as connection:
        assert load_people(connection, []) == {}


def test_more_people_than_one_statement_takes(
    engine: Engine, cast: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.store.subscribers._PER_STATEMENT", 2)
    with reading(engine) as connection:
        assert list(load_people(connection, list(cast.values()))) == list(cast.values())


def test_an_internationalised_domain_is_mailed_in_its_ascii_form(engine: Engine) -> None:
    id_ = add(engine, "Ada@bücher.example")
    with reading(engine) as connection:
        assert load_people(connection, [id_])[id_].email == "Ada@xn--bcher-kva.example"
        assert next(list_subscribers(connection)).email == "Ada@bücher.example"


def test_the_list_is_read_page_by_page_in_the_order_of_ids(engine: Engine, cast: dict[str, int]) -> None:
    with reading(engine) as connection:
        for page in (1, 2, 3, 1000):
            assert [s.id for s in list_subscribers(connection, page=page)] == list(cast.values())
        assert [s.id for s in list_subscribers(connection, audience("tag:a"), page=1)] == [
            cast["ada"],
            cast["bob"],
        ]
        assert [s.id for s in list_subscribers(connection, after=cast["ada"])] == [cast["bob"], cast["cyd"]]


def test_counts_name_every_status(engine: Engine, cast: dict[str, int]) -> None:
    with reading(engine) as connection:
        assert counts(connection) == {
            SubscriberStatus.PENDING: 1,
            SubscriberStatus.CONFIRMED: 1,
            SubscriberStatus.UNSUBSCRIBED: 1,
            SubscriberStatus.BOUNCED: 0,
            SubscriberStatus.COMPLAINED: 0,
        }


def test_one_person_is_shown_with_consent_and_suppression(engine: Engine, cast: dict[str, int]) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(suppressions).values(email_key="cyd@example.org", reason="owner", at=NOON, detail="asked")
        )
    with reading(engine) as connection:
        cyd = show(connection, "cyd@example.org")
        assert cyd is not None
        assert cyd.subscriber.status is SubscriberStatus.UNSUBSCRIBED
        assert [event.kind for event in cyd.consent] == ["added", "unsubscribed"]
        assert cyd.consent[0].at == NOON
        assert cyd.suppression is not None
        assert (cyd.suppression.reason, cyd.suppression.at, cyd.suppression.detail) == (
            "owner",
            NOON,
            "asked",
        )
        assert show(connection, "nobody@example.org") is None
        assert find_suppression(connection, "ada@example.org") is None


def test_finding_by_key(engine: Engine, cast: dict[str, int]) -> None:
    with reading(engine) as connection:
        assert find_id(connection, "ada@example.org") == cast["ada"]
        assert find_id(connection, "Ada@example.org") is None


def test_fields_that_a_template_may_use(engine: Engine, cast: dict[str, int]) -> None:
    with engine.begin() as connection:
        remember_fields(connection, ["city", "since"])
        remember_fields(connection, [])
        assert known_fields(connection) == {
            "email",
            "name",
            "first_name",
            "last_name",
            "tags",
            "city",
            "since",
        }


def test_adding_tags_counts_the_new_ones(engine: Engine, cast: dict[str, int]) -> None:
    with engine.begin() as connection:
        assert add_tags(connection, cast["bob"], ["a", "c", "c"]) == 1
        assert add_tags(connection, cast["bob"], ["a", "c"]) == 0
