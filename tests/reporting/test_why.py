"""A person's whole history, also of somebody who is not on the list."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from newsletter.cli.why import delivery_lines, event_lines
from newsletter.model import Outcome, OutcomeKind
from newsletter.people.forgetting import forget
from newsletter.people.importing import import_csv
from newsletter.people.leaving import unsubscribe
from newsletter.people.undoing import undo_import
from newsletter.reporting.why import Why
from newsletter.reporting.why import why as look_up
from newsletter.senders.memory import MemorySender
from newsletter.store.tables import suppressions
from newsletter.tokens import Tokens
from tests.delivery.driver import Driver, accepted, an_issue
from tests.feedback.reports import Listener, report

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 3, 12, tzinfo=UTC)
ADA = "ada@example.org"
TOKENS = Tokens(["s" * 32])


def why(engine: Engine, key: str = ADA) -> Why:
    found = look_up(engine, key, fingerprints=TOKENS.fingerprints)
    json.dumps(found.as_dict())  # plain values only
    return found


@pytest.fixture
def ada(engine: Engine, tmp_path: Path) -> Engine:
    """Ada was imported twice, had one issue, left, and was skipped by the next."""
    file = tmp_path / "people.csv"
    for name in ("Ada", "Countess"):
        file.write_text(f"email,name\n{ADA},{name}\nbob@example.org,\n")
        import_csv(engine, file, source=f"{name}'s list", clock=lambda: NOON)
    campaign = Driver(engine)
    campaign.sender = MemorySender(
        {ADA: [accepted("m-1")], "bob@example.org": [Outcome(kind=OutcomeKind.UNKNOWN)]}
    )
    campaign.plan()
    campaign.deliver()
    unsubscribe(engine, ADA, how="one-click", ip="192.0.2.1", clock=lambda: LATER)
    following = Driver(engine)
    following.plan(an_issue("2026-12-more"), segment="tag:x")
    following.deliver()
    return engine


def test_all_that_happened_is_on_one_page(ada: Engine) -> None:
    found = why(ada)
    assert found.person is not None
    assert [(e.kind, e.how, e.source, e.ip) for e in found.person.consent] == [
        ("imported", "import", "Ada's list", ""),
        ("unsubscribed", "one-click", "", "192.0.2.1"),
    ]
    assert [(i.batch, i.file, i.source) for i in found.imports] == [
        (1, "people.csv", "Ada's list"),
        (2, "people.csv", "Countess's list"),
    ]
    assert found.imports[1].before == {"name": "Ada", "status": "confirmed", "attributes": {}}
    assert [(d.issue, d.segment, d.state, d.reason, d.message_id, d.attempts) for d in found.deliveries] == [
        ("2026-11-notes", "", "sent", "", "m-1", 1),
        ("2026-12-more", "tag:x", "skipped", "unsubscribed", "", 0),
    ]
    assert found.today == "unsubscribed"
    assert found.as_dict()["deliveries"][0]["campaign_state"] == "finished"


def test_what_the_provider_reported_stands_under_each_delivery(ada: Engine) -> None:
    listener = Listener(ada, now=LATER)
    listener.campaign_id = 1
    at = NOON + timedelta(minutes=3)
    listener.hear(
        listener.about(report, "open", to=ADA, at=at + timedelta(hours=1), userAgent="Mozilla/5.0"),
        listener.about(report, "bounce", to=ADA, at=at),
        listener.about(report, "delivery", to="bob@example.org", at=at),
        report("complaint", ADA, at=at),  # of other mail, such as a confirmation
    )
    found = why(ada)
    first, second = found.deliveries
    assert [(event.kind, event.bounce, event.machine) for event in found.events_of(first.delivery)] == [
        ("bounce", "hard", False),
        ("open", "", True),
    ]
    assert found.events_of(second.delivery) == []
    assert [event.kind for event in found.events_of(None)] == ["complaint"]
    plain = found.as_dict()
    assert plain["deliveries"][0]["events"][0] == {
        "kind": "bounce",
        "at": at.isoformat(),
        "bounce": "hard",
        "detail": "Permanent General 5.1.1: smtp; 550 5.1.1 user unknown",
        "link": "",
        "machine": False,
        "message_id": "m-1",
    }
    assert plain["deliveries"][1]["events"] == []
    assert [event["kind"] for event in plain["other_events"]] == ["complaint"]
    lines = delivery_lines(found)
    assert lines[1] == (
        "      2026-11-02 12:03 UTC  hard bounce: Permanent General 5.1.1: smtp; 550 5.1.1 user unknown"
    )
    assert lines[2] == "      2026-11-02 13:03 UTC  open by a program: privacy proxy"
    assert event_lines(found.events_of(None), indent=2) == ["  2026-11-02 12:03 UTC  complaint: abuse"]


def test_somebody_forgotten_is_still_shown_what_happened_without_what_it_said(ada: Engine) -> None:
    listener = Listener(ada, now=LATER)
    listener.campaign_id = 1
    listener.hear(listener.about(report, "bounce", to=ADA))
    forget(ada, ADA, fingerprints=TOKENS.fingerprints, clock=lambda: LATER)
    found = why(ada)
    [event] = found.events_of(found.deliveries[0].delivery)
    assert (event.kind, event.bounce, event.detail) == ("bounce", "hard", "")


def test_what_nobody_knows_is_said(ada: Engine) -> None:
    found = why(ada, "bob@example.org")
    assert [d.state for d in found.deliveries] == ["uncertain", "sent"]
    assert (found.today, found.today_in_words) == ("", "A campaign that began now would mail them.")


def test_somebody_nobody_knows(engine: Engine) -> None:
    found = why(engine)
    assert (found.person, found.today) == (None, "unknown")
    assert "not on the list" in found.today_in_words


def test_somebody_who_is_suppressed_and_not_on_the_list(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(suppressions).values(email_key=ADA, reason="bounce", at=NOON, detail="no such mailbox")
        )
    found = why(engine)
    assert found.suppression is not None
    assert (found.today, found.suppression.detail) == ("suppressed", "no such mailbox")


def test_somebody_who_was_forgotten_is_known_by_the_hash_alone(ada: Engine) -> None:
    forget(ada, ADA, fingerprints=TOKENS.fingerprints, clock=lambda: LATER)
    found = why(ada)
    assert (found.person, found.today, list(found.imports)) == (None, "forgotten", [])
    assert found.suppression is not None and found.suppression.at == LATER
    assert [(d.issue, d.state) for d in found.deliveries] == [
        ("2026-11-notes", "sent"),
        ("2026-12-more", "skipped"),
    ]


def test_an_import_that_was_undone_is_still_told(ada: Engine) -> None:
    undo_import(ada, 2, clock=lambda: LATER)
    bob = why(ada, "bob@example.org")
    assert [i.batch for i in bob.imports] == [1]
    undo_import(ada, 1, clock=lambda: LATER)
    assert why(ada, "bob@example.org").person is None
    # Ada left after it, so she is kept, and so is what is known of where she came from
    assert [(i.batch, i.undone_at) for i in why(ada).imports] == [(1, LATER)]
