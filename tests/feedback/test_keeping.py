"""What events do: to the ledger, to the list, and to each other, whatever order they come in."""

import itertools
import json
import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, select, text, update

from newsletter.model import Outcome, OutcomeKind
from newsletter.people.adding import add_subscriber
from newsletter.people.forgetting import forget
from newsletter.senders.memory import MemorySender
from newsletter.store.deliveries import abandon_dead
from newsletter.store.engine import reading
from newsletter.store.events import SETTLE, health, settle
from newsletter.store.tables import deliveries, events, subscribers
from tests.delivery.driver import NOON, an_issue, people
from tests.feedback.reports import TOKENS, Listener, report, soft

ADA, BOB, CYD = "ada@example.org", "bob@example.org", "cyd@example.org"


@pytest.fixture
def sent(engine: Engine) -> Listener:
    """A campaign that went to Ada, Bob and Cyd."""
    listener = Listener(engine)
    listener.queue(ADA, BOB, CYD)
    listener.deliver()
    return listener


@pytest.fixture
def doubtful(engine: Engine) -> Listener:
    """The same, but of Ada's and Bob's nobody knows whether they left."""
    unknown = [Outcome(kind=OutcomeKind.UNKNOWN)]
    listener = Listener(engine, sender=MemorySender({ADA: unknown, BOB: unknown}))
    listener.queue(ADA, BOB, CYD)
    listener.deliver()
    assert list(listener.states().values()) == ["uncertain", "uncertain", "sent"]
    return listener


def another(listener: Listener, slug: str) -> None:
    """Send one more issue to whoever may be mailed."""
    listener.now += timedelta(days=30)
    listener.plan(an_issue(slug))
    listener.deliver()


# -- the log ----------------------------------------------------------------------------------------


def test_an_event_is_written_down_once_with_what_it_is_about(sent: Listener) -> None:
    body = sent.about(report, "delivery")
    first, second = sent.hear(body, body), sent.hear(body)
    assert (first.events, first.duplicates) == (1, 1)
    assert (second.events, second.duplicates) == (0, 1)
    [row] = sent.rows_of("events")
    assert (row["kind"], row["email_key"], row["at"]) == ("delivery", ADA, NOON)
    assert (row["campaign_id"], row["delivery_id"]) == (sent.campaign_id, sent.numbers()[ADA])
    assert row["received_at"] == sent.now


@pytest.mark.parametrize(
    ("campaign", "delivery"),
    [("nosuchkey", None), ("", None), ("KEY", 999_999), ("KEY", 10**17), ("OTHER", None)],
)
def test_a_delivery_is_only_matched_where_both_tags_agree(
    doubtful: Listener, campaign: str, delivery: int | None
) -> None:
    other = doubtful.plan(an_issue("2026-12-more"), segment="x").key if campaign == "OTHER" else ""
    doubtful.campaign_id = 1
    named = {"KEY": doubtful.key, "OTHER": other}.get(campaign, campaign)
    number = doubtful.numbers()[ADA] if delivery is None else delivery
    kept = doubtful.hear(report("delivery", ADA, campaign=named, delivery=number))
    assert (kept.events, kept.settled) == (1, 0)
    [row] = doubtful.rows_of("events")
    assert row["delivery_id"] is None
    assert doubtful.states()[ADA] == "uncertain"


def test_a_clock_that_is_ahead_is_not_believed(sent: Listener) -> None:
    sent.hear(sent.about(report, "open", at=sent.now + timedelta(days=4000)))
    assert sent.rows_of("events")[0]["at"] == sent.now


def test_several_processes_may_keep_the_same_events_at_once(sent: Listener) -> None:
    bodies = [sent.about(report, kind, to=to) for kind in ("send", "delivery") for to in (ADA, BOB, CYD)]
    bodies.append(sent.about(report, "bounce", to=ADA))
    bodies.append(sent.about(report, "complaint", to=BOB))
    kept = []
    threads = [
        threading.Thread(target=lambda order: kept.append(sent.hear(*order)), args=(order,))
        for order in (bodies, bodies[::-1], bodies[3:] + bodies[:3], bodies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.events for each in kept) == len(bodies) == len(sent.rows_of("events"))
    assert sum(each.suppressed for each in kept) == sum(each.complained for each in kept) == 1
    assert sent.suppressed() == {ADA: "bounce", BOB: "complaint"}


# -- uncertain deliveries ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "send",
        "delivery",
        "delivery-delay",
        "bounce",
        "complaint",
        "reject",
        "rendering-failure",
        "open",
        "click",
    ],
)
def test_any_event_about_a_mail_proves_that_it_was_sent(doubtful: Listener, kind: str) -> None:
    kept = doubtful.hear(doubtful.about(report, kind, message_id="m-77"))
    assert kept.settled == 1
    assert doubtful.states() == {ADA: "sent", BOB: "uncertain", CYD: "sent"}
    row = next(row for row in doubtful.rows_of("deliveries") if row["email_key"] == ADA)
    assert row["message_id"] == "m-77" and row["lease_until"] is None
    assert doubtful.accounts.balances


def test_an_event_of_a_list_proves_nothing(doubtful: Listener) -> None:
    assert doubtful.hear(doubtful.about(report, "subscription")).settled == 0


def test_what_was_known_is_not_changed(sent: Listener) -> None:
    before = sent.rows_of("deliveries")
    sent.hear(sent.about(report, "send", message_id="another"))
    assert sent.rows_of("deliveries") == before


def test_an_event_that_comes_before_the_record_is_remembered(engine: Engine) -> None:
    """The row is still ``sending``; its process dies; who finds it makes it uncertain; then it is settled."""
    listener = Listener(engine)
    listener.queue(ADA, BOB)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE deliveries SET state = 'sending', call_id = 'c', claimed_by = 'dead', "
                "lease_until = '2026-11-02 12:00:00'"
            )
        )
    assert listener.hear(listener.about(report, "send")).settled == 0
    assert listener.states()[ADA] == "sending"
    with engine.begin() as connection:
        abandon_dead(connection, listener.campaign_id, is_dead=lambda _: True, now=listener.now)
    assert listener.states() == {ADA: "uncertain", BOB: "uncertain"}
    with engine.begin() as connection:
        assert settle(connection, listener.campaign_id + 1) == 0
        assert settle(connection, listener.campaign_id) == 1
        assert settle(connection) == 0
    assert listener.states() == {ADA: "sent", BOB: "uncertain"}


def test_settling_does_not_read_the_ledger_through(doubtful: Listener) -> None:
    with doubtful.engine.connect() as connection:
        if doubtful.engine.dialect.name == "sqlite":
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {SETTLE}")).all()
            steps = [row.detail for row in plan]
        else:
            connection.execute(text("SET enable_seqscan = off"))  # the tables are too small to tell otherwise
            steps = list(connection.scalars(text(f"EXPLAIN {SETTLE}")))
    assert any("ix_deliveries_uncertain" in step for step in steps), steps
    assert not any(re.search(r"SCAN events|Seq Scan", step) for step in steps), steps


# -- hard bounces and complaints --------------------------------------------------------------------


def test_a_hard_bounce_suppresses_at_once(sent: Listener) -> None:
    kept = sent.hear(sent.about(report, "bounce"))
    assert (kept.suppressed, kept.complained) == (1, 0)
    assert (sent.suppressed(), sent.status_of(ADA)) == ({ADA: "bounce"}, "bounced")
    line = sent.rows_of("consent_events")[-1]
    assert (line["kind"], line["how"]) == ("bounced", "ses")
    assert line["source"] == "Permanent General 5.1.1: smtp; 550 5.1.1 user unknown"
    another(sent, "2026-12-more")
    assert sent.states() == {BOB: "sent", CYD: "sent", ADA: "skipped"}


def test_a_complaint_suppresses_at_once_and_takes_off_the_list(sent: Listener) -> None:
    kept = sent.hear(sent.about(report, "complaint"))
    assert (kept.suppressed, kept.complained) == (0, 1)
    assert (sent.suppressed(), sent.status_of(ADA)) == ({ADA: "complaint"}, "complained")
    assert sent.rows_of("consent_events")[-1]["kind"] == "complained"


def test_not_spam_is_the_opposite_of_a_complaint(sent: Listener) -> None:
    kept = sent.hear(sent.about(report, "complaint", complaintFeedbackType="not-spam"))
    assert (kept.events, kept.complained, sent.suppressed()) == (1, 0, {})
    assert sent.status_of(ADA) == "confirmed"


def test_who_is_not_on_the_list_is_suppressed_all_the_same(sent: Listener) -> None:
    sent.hear(report("bounce", "eve@example.org"))
    assert sent.suppressed() == {"eve@example.org": "bounce"}


def test_an_automatic_reply_is_no_bounce(sent: Listener) -> None:
    away = {"bounceType": "Transient", "bounceSubType": "General", "status": "", "diagnosticCode": ""}
    for number in range(4):
        sent.hear(sent.about(report, "bounce", at=NOON + timedelta(hours=number), **away))
    assert {row["bounce"] for row in sent.rows_of("events")} == {"reply"}
    assert (sent.suppressed(), sent.status_of(ADA)) == ({}, "confirmed")


def test_the_order_in_which_events_come_changes_nothing(engine: Engine) -> None:
    """A status only grows graver: each order of bounce, complaint and delivery ends the same."""
    listener = Listener(engine)
    addresses = people(6)
    listener.queue(*addresses)
    listener.deliver()
    for address, order in zip(
        addresses, itertools.permutations(("bounce", "complaint", "delivery")), strict=True
    ):
        for place, kind in enumerate(order):
            listener.hear(listener.about(report, kind, to=address, at=NOON + timedelta(minutes=place)))
    assert {listener.status_of(address) for address in addresses} == {"complained"}
    assert set(listener.suppressed().values()) == {"complaint"}
    assert list(listener.suppressed()) == list(addresses)


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        ("pending", "bounce", "bounced"),
        ("unsubscribed", "bounce", "unsubscribed"),
        ("complained", "bounce", "complained"),
        ("unsubscribed", "complaint", "complained"),
        ("bounced", "complaint", "complained"),
    ],
)
def test_a_status_only_grows_graver(sent: Listener, before: str, kind: str, after: str) -> None:
    sent.set_status(ADA, before)
    sent.hear(sent.about(report, kind))
    assert sent.status_of(ADA) == after
    assert ADA in sent.suppressed()


# -- soft bounces -----------------------------------------------------------------------------------


def test_three_campaigns_in_a_row_that_bounce_softly_are_enough(sent: Listener) -> None:
    sent.hear(sent.about(soft), sent.about(soft, at=NOON + timedelta(hours=1)))
    another(sent, "2026-12-more")
    assert sent.hear(sent.about(soft)).suppressed == 0
    assert sent.status_of(ADA) == "confirmed"
    another(sent, "2027-01-more")
    assert sent.hear(sent.about(soft)).suppressed == 1
    assert (sent.suppressed(), sent.status_of(ADA)) == ({ADA: "bounce"}, "bounced")
    detail = sent.rows_of("suppressions")[0]["detail"]
    assert detail.startswith("3 campaigns in a row came back: Transient MailboxFull 4.2.2")


def test_a_delivery_in_between_begins_anew(sent: Listener) -> None:
    for place, slug in enumerate(("2026-12-b", "2027-01-c", "2027-02-d", "2027-03-e", "")):
        sent.hear(sent.about(report, "delivery") if place == 2 else sent.about(soft))
        if slug:
            another(sent, slug)
    assert (sent.suppressed(), sent.status_of(ADA)) == ({}, "confirmed")


def test_events_that_are_late_do_not_make_a_row_of_what_was_none(sent: Listener) -> None:
    """The second of four campaigns arrived, which nobody reports; the rest comes backwards."""
    bodies = [sent.about(soft)]
    for place, slug in enumerate(("2026-12-b", "2027-01-c", "2027-02-d")):
        another(sent, slug)
        if place != 0:
            bodies.append(sent.about(soft))
    for body in reversed(bodies):
        sent.hear(body)
    assert sent.suppressed() == {}


def test_three_that_come_late_and_at_once_are_a_row(sent: Listener) -> None:
    bodies = [sent.about(soft)]
    for slug in ("2026-12-b", "2027-01-c"):
        another(sent, slug)
        bodies.append(sent.about(soft))
    assert sent.hear(*reversed(bodies)).suppressed == 1


def test_what_is_refused_for_our_sake_never_gives_anybody_up(sent: Listener) -> None:
    """A provider that dislikes our server for three months must not cost us all its readers."""
    refused = {"bounceSubType": "General", "status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 blocked"}
    for slug in ("2026-12-b", "2027-01-c", "2027-02-d", ""):
        sent.hear(sent.about(soft, **refused))
        if slug:
            another(sent, slug)
    assert {row["bounce"] for row in sent.rows_of("events")} == {"soft"}
    assert sent.suppressed() == {}


# -- machines ---------------------------------------------------------------------------------------


def test_clicks_on_many_links_at_once_are_a_programs(sent: Listener) -> None:
    def click(link: str, second: float, to: str = ADA) -> str:
        browser = "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0"
        at = NOON + timedelta(minutes=9, seconds=second)
        return sent.about(report, "click", to=to, link=link, at=at, sent_at=NOON, userAgent=browser)

    sent.hear(click("https://a.example", 0), click("https://b.example", 1))
    assert {row["machine"] for row in sent.rows_of("events")} == {0}
    sent.hear(click("https://c.example", 2), click("https://d.example", 60))
    sent.hear(
        click("https://a.example", 0, BOB),
        click("https://a.example", 1, BOB),
        click("https://b.example", 2, BOB),
    )
    programs = {(row["email_key"], row["link"]) for row in sent.rows_of("events") if row["machine"]}
    assert programs == {(ADA, f"https://{name}.example") for name in "abc"}


# -- people who were forgotten ----------------------------------------------------------------------


def test_forgetting_takes_the_person_out_of_the_events(sent: Listener) -> None:
    sent.hear(
        sent.about(report, "bounce", diagnosticCode="smtp; 550 5.1.1 Ada Lovelace unknown"),
        sent.about(report, "click", link="https://example.org/?who=ada"),
        report("delivery", "", campaign=sent.key, delivery=sent.numbers()[ADA], message_id="x"),
        sent.about(report, "delivery", to=BOB),
    )
    done = forget(sent.engine, ADA, fingerprints=TOKENS.fingerprints, clock=sent.clock)
    assert done.rows["events"] == 3
    rows = sent.rows_of("events")
    hash_ = TOKENS.fingerprints(ADA)[0]
    assert [row["email_key"] for row in rows] == [hash_, hash_, hash_, BOB]
    assert all((row["raw"], row["detail"], row["link"]) == (None, "", "") for row in rows[:3])
    assert rows[3]["raw"] is not None
    assert [row["bounce"] for row in rows] == ["hard", "", "", ""]


def test_an_event_about_somebody_forgotten_does_not_bring_them_back(sent: Listener) -> None:
    late = [sent.about(report, kind) for kind in ("delivery", "bounce", "complaint", "open")]
    sent.hear(late[0])
    forget(sent.engine, ADA, fingerprints=TOKENS.fingerprints, clock=sent.clock)
    kept = sent.hear(*late)
    assert (kept.events, kept.duplicates, kept.suppressed, kept.complained) == (3, 1, 0, 0)
    for row in sent.rows_of("events"):
        assert row["email_key"] == TOKENS.fingerprints(ADA)[0]
        assert (row["raw"], row["detail"]) == (None, "")
        assert row["delivery_id"] is not None  # the ledger's own row is under the hash, too
    assert ADA not in sent.suppressed()


def test_a_doubt_about_somebody_forgotten_is_settled_too(doubtful: Listener) -> None:
    body = doubtful.about(report, "send")
    forget(doubtful.engine, ADA, fingerprints=TOKENS.fingerprints, clock=doubtful.clock)
    assert doubtful.hear(body).settled == 1


def test_who_is_on_the_list_is_not_taken_for_somebody_forgotten(sent: Listener) -> None:
    forget(sent.engine, "zoe@example.org", fingerprints=TOKENS.fingerprints, clock=sent.clock)
    sent.hear(sent.about(report, "delivery"))
    assert sent.rows_of("events")[0]["email_key"] == ADA


# -- health -----------------------------------------------------------------------------------------


def look(listener: Listener) -> tuple[int, int, int] | None:
    with reading(listener.engine) as connection:
        return health(connection, listener.campaign_id)


def test_health_counts_mails_and_is_silent_while_nothing_is_heard(sent: Listener) -> None:
    assert look(sent) is None
    sent.hear(report("bounce", "eve@example.org"))  # of other mail of the account
    assert look(sent) is None
    sent.hear(sent.about(report, "send"))
    assert look(sent) == (3, 0, 0)
    sent.hear(
        sent.about(report, "bounce"),
        sent.about(report, "bounce", at=NOON + timedelta(hours=1)),
        sent.about(soft, to=BOB),
        sent.about(report, "complaint", to=CYD),
        sent.about(report, "complaint", to=BOB, complaintFeedbackType="not-spam"),
    )
    assert look(sent) == (3, 1, 1)


def test_what_amazon_did_not_even_try_is_no_bounce_of_this_campaign(sent: Listener) -> None:
    sent.hear(sent.about(report, "bounce", bounceSubType="OnAccountSuppressionList"))
    assert look(sent) == (3, 0, 0)
    assert sent.suppressed() == {ADA: "bounce"}


def test_events_survive_whoever_they_are_about(sent: Listener) -> None:
    sent.hear(sent.about(report, "delivery"))
    with sent.engine.begin() as connection:
        connection.execute(delete(subscribers).where(subscribers.c.email_key == ADA))
    assert len(sent.rows_of("events")) == 1
    assert sent.hear(sent.about(report, "complaint")).complained == 1
    add_subscriber(sent.engine, "new@example.org", clock=sent.clock)
    assert sent.suppressed() == {ADA: "complaint"}


def test_hostile_numbers_reach_no_database_error(sent: Listener) -> None:
    plain = json.loads(sent.about(report, "delivery"))
    plain["mail"]["tags"]["delivery"] = ["9" * 18]
    plain["mail"]["messageId"] = "m" * 500
    plain["delivery"]["timestamp"] = "9999-12-31T23:59:59.999999+14:00"
    plain["delivery"]["smtpResponse"] = "\x00\ud800" * 900
    assert sent.hear(json.dumps(plain)).events == 1


def test_the_ledgers_own_states_are_left_alone(sent: Listener) -> None:
    """Only what is uncertain is settled: not what is queued, failed, skipped or in flight."""
    with sent.engine.begin() as connection:
        connection.execute(update(deliveries).where(deliveries.c.email_key == ADA).values(state="failed"))
        connection.execute(update(deliveries).where(deliveries.c.email_key == BOB).values(state="queued"))
    sent.hear(sent.about(report, "delivery"), sent.about(report, "delivery", to=BOB))
    assert sent.states() == {ADA: "failed", BOB: "queued", CYD: "sent"}
    with reading(sent.engine) as connection:
        assert len(connection.execute(select(events.c.id)).all()) == 2
