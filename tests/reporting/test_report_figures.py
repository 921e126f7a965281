"""The figures of a report equal what is counted row by row, on SQLite and on PostgreSQL."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine.cursor import CursorFetchStrategy

from newsletter.errors import UsageError
from newsletter.reporting.figures import IssueFigures, YearFigures
from newsletter.reporting.gathering import issue_figures, year_figures
from newsletter.store.figures import FEWEST
from tests.reporting.truth import Truth
from tests.reporting.world import NOVEMBER, World, a_busy_year

HALIFAX = ZoneInfo("America/Halifax")
LATER = NOVEMBER + timedelta(days=16)
SLUG = "2026-11-individual-vs-group"


def report_of(engine: Engine, slug: str = SLUG, *, tracked: bool = True) -> IssueFigures:
    return issue_figures(engine, slug, now=LATER, zone=HALIFAX, opens=tracked, clicks=tracked)


def year_of(engine: Engine, year: int | None = None) -> YearFigures:
    return year_figures(engine, year, now=LATER, zone=HALIFAX, opens=False, clicks=False)


@pytest.fixture
def world(engine: Engine) -> World:
    """A busy year, and among its events some that name no delivery, or one of another campaign."""
    world = a_busy_year()
    theirs = next(row["id"] for row in world.rows["deliveries"] if row["campaign_id"] == 1)
    for kind, bounce in (("bounce", "hard"), ("delivery", ""), ("open", ""), ("complaint", "")):
        world.event(kind, None, NOVEMBER, bounce=bounce)
        world.event(kind, None, NOVEMBER, bounce=bounce, campaign_id=4)
        world.event(kind, theirs, NOVEMBER, bounce=bounce, campaign_id=4)
    world.write(engine)
    return world


def test_everybody_of_two_sends_is_counted_once(engine: Engine, world: World) -> None:
    report, truth = report_of(engine), Truth(world, [3, 4]).standing()
    standing = report.standing
    assert {
        **{name: getattr(standing, name) for name in ("sent", "failed", "uncertain")},
        **standing.skipped,
    } == truth
    assert standing.total == len(world.rows["subscribers"])
    assert report.balances


def test_each_send_apart_has_its_own_accounts(engine: Engine, world: World) -> None:
    apart = report_of(engine).campaigns
    assert [each.segment for each in apart] == ["families", ""]
    for campaign, each in zip((3, 4), apart, strict=True):
        truth = Truth(world, [campaign])
        assert {**each.accounts.skipped, "sent": each.accounts.sent} == {
            name: number for name, number in truth.standing().items() if name not in ("failed", "uncertain")
        }
        assert asdict(each.heard) == truth.heard()
        assert each.unsubscribed == truth.unsubscribed(LATER, LATER, HALIFAX)[0]


@pytest.mark.parametrize("campaigns", [[1], [3, 4]])
def test_what_the_provider_says_adds_up_to_what_was_sent(
    engine: Engine, world: World, campaigns: list[int]
) -> None:
    slug = str(world.rows["campaigns"][campaigns[0] - 1]["slug"])
    heard = report_of(engine, slug).heard
    assert asdict(heard) == Truth(world, campaigns).heard()
    exclusive = (heard.delivered, heard.hard, heard.soft, heard.rejected, heard.delayed, heard.unheard)
    assert sum(exclusive) == report_of(engine, slug).standing.sent
    assert all(number > 0 for number in exclusive), "the world must have all of it"


def test_reasons_are_told_in_our_words_whatever_the_servers_wrote(engine: Engine, world: World) -> None:
    words = {
        "5.1.1": "The mailbox does not exist",
        "OnAccountSuppressionList": "On the suppression list of Amazon SES",
        "5.4.4": "The domain does not exist or takes no mail",
        "MailboxFull": "The mailbox is full",
        "5.7.1": "Refused by a policy, or taken for spam",
        "451 come back later": "451 come back later",
    }
    truth: dict[str, list[int]] = {}
    for bounce in Truth(world, [1]).bounced().values():
        reason = next(said for part, said in words.items() if part in bounce["detail"])
        truth.setdefault(reason, [0, 0])[bounce["bounce"] == "soft"] += 1
    found = {
        each.reason: [each.hard, each.soft] for each in report_of(engine, "2026-09-back-to-rhythm").reasons
    }
    assert found == truth


def test_domains_of_one_or_two_people_are_not_named(engine: Engine, world: World) -> None:
    found = {
        each.domain: (each.mailed, each.hard, each.soft)
        for each in report_of(engine, "2026-09-back-to-rhythm").domains
    }
    assert found == Truth(world, [1]).domains(FEWEST)
    assert {"alone.example.net", "pair.example.net"}.isdisjoint(found)


@pytest.mark.parametrize(("slug", "campaigns"), [("2026-10-songs-that-stay", [2]), (SLUG, [3, 4])])
def test_opens_and_clicks_of_people_and_machines_are_apart(
    engine: Engine, world: World, slug: str, campaigns: list[int]
) -> None:
    report, truth = report_of(engine, slug), Truth(world, campaigns)
    for kind, reach in (("open", report.opens), ("click", report.clicks)):
        assert reach is not None
        for machine, found in ((0, reach.people), (1, reach.machines)):
            assert (found.people, found.times, found.by_hour) == truth.reached(kind, machine)
            assert found.people > 0


def test_nothing_is_said_of_opens_when_nobody_counts_them(engine: Engine, world: World) -> None:
    world.rows["events"] = []
    for slug in (SLUG, "2026-09-back-to-rhythm"):
        assert report_of(engine, slug, tracked=False).opens is not None, "events exist: they are shown"
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE kind IN ('open', 'click')")
    report = report_of(engine, tracked=False)
    assert (report.opens, report.clicks, report.links) == (None, None, [])
    assert report_of(engine).opens is not None


def test_links_are_counted_without_what_could_name_a_reader(engine: Engine, world: World) -> None:
    links = {each.link: (each.people, each.machines, each.times) for each in report_of(engine).links}
    assert set(links) == {
        "https://ignite.example.org/sessions",
        "https://ignite.example.org/groups",
        "the link to unsubscribe",
        "links that hold an address",
    }
    clicks = [
        event
        for events in Truth(world, [3, 4]).events.values()
        for event in events
        if event["kind"] == "click" and "/sessions" in event["link"]
    ]
    people = len({event["delivery_id"] for event in clicks})
    assert links["https://ignite.example.org/sessions"] == (people, 0, len(clicks))


def test_time_is_told_by_the_second_or_the_minute_since_the_first_mail(engine: Engine, world: World) -> None:
    report = report_of(engine)
    assert report.timeline is not None
    assert report.pace is not None
    width = report.timeline.width
    assert width == 60
    sent, delivered, fastest = Truth(world, [3, 4]).arrivals(width)
    assert (dict(report.timeline.sent), dict(report.timeline.delivered)) == (sent, delivered)
    assert report.pace.fastest_minute == fastest
    total, so_far = sum(sent.values()), 0
    half = next(at * width for at, number in delivered.items() if (so_far := so_far + number) >= total / 2)
    assert report.pace.half_after == half
    assert report.pace.most_after is None  # more than 5 % were never delivered


def test_a_short_send_is_told_by_the_second(engine: Engine) -> None:
    world = World()
    campaign = world.campaign("2026-11-short", NOVEMBER)
    for place in range(20):
        person = world.person(f"reader{place}@example.org", at=NOVEMBER)
        delivery = world.delivery(campaign, person, at=NOVEMBER + timedelta(seconds=place // 5))
        world.event("delivery", delivery, NOVEMBER + timedelta(seconds=place + 1))
    world.write(engine)
    pace = report_of(engine, "2026-11-short").pace
    assert pace is not None
    assert (pace.seconds, pace.fastest_minute, pace.half_after, pace.most_after) == (3, 20, 10, 19)
    assert pace.per_second == pytest.approx(20 / 3)


def test_who_left_because_of_an_issue_is_known_by_its_links_or_its_time(engine: Engine, world: World) -> None:
    began = [world.rows["campaigns"][place]["created_at"] for place in (0, 1, 2)]
    for slug, campaigns, since, until in (
        ("2026-09-back-to-rhythm", [1], began[0], began[1]),
        ("2026-10-songs-that-stay", [2], began[1], began[2]),
        (SLUG, [3, 4], began[2], LATER),
    ):
        found = report_of(engine, slug).unsubscribed
        truth = Truth(world, campaigns).unsubscribed(since, until, HALIFAX)
        assert (found.by_link, found.others, found.by_day) == truth
        assert sum(found.how.values()) == found.total


def test_the_list_is_told_before_and_after_an_issue(engine: Engine) -> None:
    world = World()
    october, day = NOVEMBER - timedelta(days=28), timedelta(days=1)
    people = [world.person(f"reader{place}@example.org", at=october) for place in range(8)]
    world.campaign("2026-10-before", october)
    world.campaign("2026-11-now", NOVEMBER)
    for person, kind, at in (
        (1, "added", october - day),
        (2, "confirmed", october + day),
        (3, "imported", october + day),
        (1, "unsubscribed", october + 2 * day),
        (1, "complained", october + 3 * day),  # was gone already
        (2, "bounced", NOVEMBER - timedelta(seconds=1)),
        (2, "confirmed", NOVEMBER),
        (2, "complained", NOVEMBER + day),  # had come back
        (4, "requested", NOVEMBER + day),
        (5, "confirmed", LATER + day),  # has not happened yet
    ):
        world.consent(people[person], kind, at)
    world.add("suppressions", email_key="hmac:1", reason="forgotten", at=NOVEMBER + day, detail="")
    world.add("suppressions", email_key="x@example.org", reason="bounce", at=NOVEMBER + day, detail="")
    for row in world.rows["suppressions"]:
        del row["id"]
    world.write(engine)
    report = report_of(engine, "2026-11-now")
    assert (report.before, report.grown.since) == ("2026-10-before", october)
    assert (report.grown.joined, report.grown.left) == (
        {"confirmed": 1, "imported": 1},
        {"bounced": 1, "unsubscribed": 1},
    )
    assert (report.moved.joined, report.moved.left) == ({"confirmed": 1}, {"complained": 1, "forgotten": 1})
    first = report_of(engine, "2026-10-before")
    assert (first.before, first.grown.since, first.grown.joined) == ("", None, {"added": 1})
    assert first.moved.until == NOVEMBER
    assert report.on_the_list == len(people)


def test_a_day_is_a_day_where_the_newsletter_is_at_home(engine: Engine) -> None:
    world = World()
    person = world.person("ada@example.org", at=NOVEMBER)
    campaign = world.campaign("2026-11-now", NOVEMBER)
    past_midnight_in_utc = datetime(2026, 11, 5, 1, 30, tzinfo=UTC)
    world.consent(person, "unsubscribed", past_midnight_in_utc, source=f"link of {world.key(campaign)}")
    world.write(engine)
    report = report_of(engine, "2026-11-now")
    assert [str(day[0]) for day in report.unsubscribed.by_day] == ["2026-11-04"]
    assert [str(day[0]) for day in report.moved.by_day] == ["2026-11-04"]


def test_a_year_has_each_issue_with_the_figures_of_its_own_report(engine: Engine, world: World) -> None:
    year = year_of(engine)
    assert (year.year, len(year.issues)) == (2026, 3)
    for issue in year.issues:
        own = report_of(engine, issue.slug)
        for name in ("standing", "heard", "unsubscribed", "grown", "moved", "opens", "clicks", "title"):
            assert getattr(issue, name) == getattr(own, name), name
        assert (issue.timeline, issue.links) == (None, [])


def test_a_year_is_that_of_the_newsletters_home(engine: Engine) -> None:
    world = World()
    world.campaign("2027-01-new-year", datetime(2027, 1, 1, 2, tzinfo=UTC))  # 22:00 on New Year's Eve
    world.write(engine)
    assert [issue.slug for issue in year_of(engine, 2026).issues] == ["2027-01-new-year"]
    with pytest.raises(UsageError, match="No issue was sent in 2027") as caught:
        year_of(engine, 2027)
    assert caught.value.hint == "Years with issues: 2026."


def test_what_was_never_sent_has_no_report(engine: Engine) -> None:
    with pytest.raises(UsageError, match="2026-11-x has not been sent"):
        report_of(engine, "2026-11-x")
    with pytest.raises(UsageError, match="Nothing has been sent yet"):
        year_of(engine)


def test_a_campaign_that_was_only_planned_is_told_without_a_pace(engine: Engine) -> None:
    world = World()
    campaign = world.campaign("2026-11-now", NOVEMBER, state="paused")
    world.delivery(campaign, world.person("ada@example.org", at=NOVEMBER), at=NOVEMBER, state="queued")
    world.write(engine)
    report = report_of(engine, "2026-11-now")
    assert (report.standing.queued, report.standing.sent, report.pace, report.timeline) == (1, 0, None, None)


def test_accounts_that_do_not_balance_are_told(engine: Engine, world: World) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE campaigns SET candidates = candidates + 1 WHERE id = 3")
    assert not report_of(engine).balances


def test_no_figure_holds_an_address(engine: Engine, world: World) -> None:
    for told in (report_of(engine).as_dict(), year_of(engine).as_dict()):
        plain = json.dumps(told)
        assert "@" not in plain
        assert "reader0" not in plain
        assert "pair.example.net" not in plain


def test_no_statement_returns_a_row_for_each_person(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    fetch_all = CursorFetchStrategy.fetchall

    def counted(*args: Any) -> Any:
        rows = fetch_all(*args)
        fetched.append(len(rows))
        return rows

    monkeypatch.setattr(CursorFetchStrategy, "fetchall", counted)
    report_of(engine)
    assert len(fetched) > 10
    assert max(fetched) < len(world.rows["subscribers"]) / 2
