"""The account's suppression list and ours, each told to the other: paged, once, and never in the way."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from sqlalchemy import Engine

from newsletter.feedback import suppressions
from newsletter.feedback.suppressions import Synced, is_due, suppression_config, synchronise
from newsletter.people.forgetting import forget
from newsletter.store.engine import reading
from newsletter.store.suppressing import to_tell
from tests.delivery.driver import people
from tests.fakeses import FakeSes
from tests.feedback.reports import TOKENS, Listener, report
from tests.workspaces import AWS, make_desk

ADA, BOB, CYD = "ada@example.org", "bob@example.org", "cyd@example.org"


@pytest.fixture
def ses(tmp_path: Path) -> Iterator[FakeSes]:
    """An account whose clock is real."""
    with FakeSes.start(tmp_path / "ses", in_thread=True, fsync=False) as started:
        yield started


@pytest.fixture
def client(ses: FakeSes) -> Iterator[Any]:
    """boto3's client of it, as ours is made."""
    made = boto3.session.Session(
        aws_access_key_id=AWS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=AWS["AWS_SECRET_ACCESS_KEY"],
        region_name=AWS["AWS_DEFAULT_REGION"],
    ).client("sesv2", endpoint_url=ses.url, config=suppression_config())
    yield made
    made.close()


@pytest.fixture
def listed(engine: Engine, ses: FakeSes) -> Listener:
    """Ada, Bob and Cyd are on the list; it is the endpoint's time."""
    from datetime import UTC, datetime

    listener = Listener(engine, now=datetime.fromtimestamp(ses.now(), UTC))
    listener.add(ADA, BOB, CYD)
    return listener


def sync(listener: Listener, client: Any) -> Synced:
    return synchronise(
        client,
        listener.engine,
        fingerprints=TOKENS.fingerprints,
        now=listener.now,
        sleep=lambda _: None,
    )


def test_what_amazon_has_suppressed_is_suppressed_here_too(
    listed: Listener, ses: FakeSes, client: Any
) -> None:
    ses.suppress({ADA: "BOUNCE", "Bob@Example.org": "COMPLAINT", "eve@example.org": "BOUNCE"}, age=90 * 86400)
    assert sync(listed, client) == Synced(suppressed=2, complained=1)
    assert listed.suppressed() == {ADA: "bounce", BOB: "complaint", "eve@example.org": "bounce"}
    assert [listed.status_of(each) for each in (ADA, BOB, CYD)] == ["bounced", "complained", "confirmed"]
    assert {(row["kind"], row["how"]) for row in listed.rows_of("consent_events")} == {
        ("bounced", "suppression-list"),
        ("complained", "suppression-list"),
    }


def test_doing_it_again_changes_nothing_and_asks_only_for_what_is_new(
    listed: Listener, ses: FakeSes, client: Any
) -> None:
    ses.suppress({ADA: "BOUNCE"}, age=86400)
    sync(listed, client)
    before = (listed.rows_of("suppressions"), listed.rows_of("consent_events"))
    assert sync(listed, client) == Synced()
    assert (listed.rows_of("suppressions"), listed.rows_of("consent_events")) == before
    # what is older than the last time is not asked for again, but for an hour
    ses.suppress({BOB: "BOUNCE"}, age=86400)
    ses.suppress({CYD: "BOUNCE"}, age=600)
    assert sync(listed, client).suppressed == 1
    assert set(listed.suppressed()) == {ADA, CYD}


def test_a_long_list_comes_in_pages(listed: Listener, ses: FakeSes, client: Any) -> None:
    ses.set_page_size(7)
    ses.suppress(dict.fromkeys(people(50), "BOUNCE"))
    assert sync(listed, client).suppressed == 50
    assert set(listed.suppressed()) == set(people(50))


def test_ours_are_told_to_amazon_by_their_reason(listed: Listener, ses: FakeSes, client: Any) -> None:
    listed.hear(report("bounce", ADA), report("complaint", BOB))
    listed.suppress("old@example.org")
    with listed.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO suppressions (email_key, reason, at) VALUES "
            "('owner@example.org', 'owner', '2026-01-01 00:00:00')"
        )
    assert sync(listed, client).told == 3
    assert ses.suppressed() == {ADA: "BOUNCE", BOB: "COMPLAINT", "old@example.org": "BOUNCE"}


def test_what_came_from_amazon_is_not_told_back_and_a_graver_reason_is(
    listed: Listener, ses: FakeSes, client: Any
) -> None:
    ses.suppress({ADA: "BOUNCE", BOB: "BOUNCE"})
    assert sync(listed, client).told == 0
    listed.now += timedelta(minutes=20)
    listed.hear(report("complaint", ADA))
    assert sync(listed, client).told == 1
    assert ses.suppressed() == {ADA: "COMPLAINT", BOB: "BOUNCE"}


def test_many_are_told_in_portions(
    listed: Listener, ses: FakeSes, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(suppressions, "_OVERLAP", timedelta())
    for place, address in enumerate(people(25)):
        listed.hear(report("bounce", address), now=listed.now + timedelta(seconds=place))
    assert [sync(listed, client).told for _ in range(4)] == [10, 10, 5, 0]
    assert set(ses.suppressed()) == set(people(25))


def test_all_of_one_moment_are_told_together(listed: Listener) -> None:
    listed.hear(*(report("bounce", address) for address in people(12)))
    with reading(listed.engine) as connection:
        assert len(to_tell(connection, None, 5, except_detail="")) == 12


@pytest.mark.parametrize("denied", ["ListSuppressedDestinations", "PutSuppressedDestination"])
def test_a_missing_permission_is_said_and_the_other_way_goes_on(
    listed: Listener, ses: FakeSes, client: Any, denied: str
) -> None:
    ses.deny(denied)
    ses.suppress({ADA: "BOUNCE"})
    listed.hear(report("bounce", BOB))
    synced = sync(listed, client)
    assert f"the permission ses:{denied} is missing" in synced.note
    assert (synced.suppressed, synced.told) == ((0, 1) if denied.startswith("List") else (1, 0))
    ses.deny()
    synced = sync(listed, client)
    assert synced.note == ""
    assert set(listed.suppressed()) == set(ses.suppressed()) == {ADA, BOB}


def test_an_endpoint_that_knows_no_suppression_list_is_said_too(engine: Engine, tmp_path: Path) -> None:
    made = boto3.session.Session(
        aws_access_key_id="example", aws_secret_access_key="example", region_name="eu-central-1"
    ).client("sesv2", endpoint_url="http://127.0.0.1:9", config=suppression_config())
    assert "cannot be reached" in sync(Listener(engine), made).note
    made.close()


def test_who_was_forgotten_is_not_written_down_by_amazons_list(
    listed: Listener, ses: FakeSes, client: Any
) -> None:
    ses.suppress({ADA: "BOUNCE"})
    forget(listed.engine, ADA, fingerprints=TOKENS.fingerprints, clock=listed.clock)
    assert sync(listed, client) == Synced()
    assert list(listed.suppressed()) == [TOKENS.fingerprints(ADA)[0]]
    assert ses.suppressed() == {ADA: "BOUNCE"}


def test_what_amazon_does_not_take_for_an_address_stops_nothing(
    listed: Listener, ses: FakeSes, client: Any
) -> None:
    listed.hear(report("bounce", BOB))
    listed.suppress("äda@example.org")
    assert sync(listed, client).told == 2
    assert ses.suppressed() == {BOB: "BOUNCE"}


def test_it_is_due_again_after_a_while_and_for_each_region(listed: Listener, client: Any) -> None:
    every = timedelta(minutes=10)

    def due(region: str = "eu-central-1", after: timedelta = timedelta()) -> bool:
        return is_due(listed.engine, region, now=listed.now + after, every=every)

    assert due()
    sync(listed, client)
    assert not due(after=timedelta(minutes=9))
    assert due(after=timedelta(minutes=10)) and due("ca-central-1")
    assert due(after=timedelta(minutes=-1))  # a clock that was ahead


def test_the_command_does_it_and_says_so(tmp_path: Path, ses: FakeSes) -> None:
    env = {
        **ses.env,
        "NEWSLETTER_SENDER__KIND": "ses",
        "NEWSLETTER_SES__REGION": "eu-central-1",
        "NEWSLETTER_INBOX__KIND": "s3",
        "NEWSLETTER_INBOX__BUCKET": "inbound",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    desk = make_desk(tmp_path / "desk", **env)
    desk.ok("subscribers", "add", ADA, "--consent", "x")
    ses.suppress({ADA: "BOUNCE"})
    ses.deny("PutSuppressedDestination")
    result = desk.run("events", "pull")
    assert result.exit_code == 6  # the bucket is not there, but Amazon's list was read all the same
    assert desk.json("subscribers", "show", ADA)["status"] == "bounced"
