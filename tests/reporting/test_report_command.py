"""`newsletter report` on the terminal, as JSON, and against texts that come from outside."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.store.engine import migrate, open_engine
from tests.reporting.world import World
from tests.workspaces import Desk, make_desk

MONDAY = datetime(2024, 11, 4, 13, tzinfo=UTC)  # 09:00 in Halifax
SLUG = "2024-11-rest"
EVIL = "\x1b[2J\x1b]0;x\x07[red]<script>alert(1)</script> $x^2$ 日本語 :smile: \u202eevil \x00"


@pytest.fixture
def small(tmp_path: Path) -> Desk:
    """One issue to twelve people: ten were sent it, one bounced, one complained, one left."""
    world = World()
    for place in range(12):
        person = world.person(f"reader{place}@example.org", at=MONDAY - timedelta(days=30))
        world.consent(person, "confirmed", MONDAY - timedelta(days=place + 1))
    campaign = world.campaign(SLUG, MONDAY, title="Rhythm and rest")
    for place in range(10):
        delivery = world.delivery(campaign, place + 1, at=MONDAY + timedelta(seconds=60 + place))
        at = MONDAY + timedelta(seconds=62 + 3 * place)
        world.event("send", delivery, at)
        if place == 9:
            detail = "Permanent General 5.1.1: smtp; 550 5.1.1 user unknown"
            world.event("bounce", delivery, at, bounce="hard", detail=detail)
        elif place != 8:
            world.event("delivery", delivery, at)
    world.event("complaint", 1, MONDAY + timedelta(hours=1), detail="abuse")
    world.delivery(campaign, 11, at=MONDAY, state="skipped", reason="unsubscribed")
    world.delivery(campaign, 12, at=MONDAY, state="failed", reason="refused")
    world.consent(
        2,
        "unsubscribed",
        MONDAY + timedelta(days=1),
        how="one-click",
        source=f"link of {world.key(campaign)}",
    )
    world.rows["subscribers"][1]["status"] = "unsubscribed"
    return with_rows(tmp_path, world)


def with_rows(folder: Path, world: World, **env: str) -> Desk:
    """A workspace with these rows in its database."""
    desk = make_desk(folder / "desk", **env)
    engine = open_engine(f"sqlite:///{desk.root / 'subscribers' / 'newsletter.db'}")
    migrate(engine)
    world.write(engine)
    engine.dispose()
    return desk


def test_the_terminal_shows_all_of_a_small_issue(small: Desk) -> None:
    assert small.ok("report", SLUG, COLUMNS="80").stdout == (
        """\
Rhythm and rest
2024-11-rest, begun 4 Nov 2024, 09:00

Who got it
        10  sent                   83.3 %
         1  failed                  8.3 %
         1  skipped, unsubscribed   8.3 %
----------
        12  in the audience

What the provider says of the 10 sent
         8  delivered            80.0 %
         1  bounced for good     10.0 %
         1  nothing heard yet    10.0 %
         1  reported it as spam  10.0 %

Sent in 9 s, 1.1 a second; 10 in the fastest minute. Half was delivered after 14
s, 95 % not yet.

Why mail came back
         1  The mailbox does not exist  1 for good

Where mail came back
         1  example.org, of 10 mailed  10.0 %

Who left: 1
         1  unsubscribed by the button of the mail program  10.0 %

The list: 11 confirmed now
  Before this first issue: 12 came, 0 left (+12 confirmed their sign-up)
  Since this issue: 0 came, 1 left (-1 unsubscribed)
"""
    )


def test_a_year_is_one_line_an_issue(small: Desk) -> None:
    assert small.ok("report", "--all", COLUMNS="80").stdout == (
        """\
The issues of 2024

Issue         Begun  Sent  Delivered  Bounced  Spam  Left  List
2024-11-rest  4 Nov    10     80.0 %   10.0 %     1     1    -1
"""
    )


HEARD = {
    **dict.fromkeys(["delivered", "hard", "soft", "rejected", "delayed", "unheard"], "int"),
    **dict.fromkeys(["complaints", "replies", "ever_delayed"], "int"),
}
PACE = {
    **dict.fromkeys(["first", "last"], "str"),
    **dict.fromkeys(["seconds", "per_second"], "float"),
    **dict.fromkeys(["fastest_minute", "half_after"], "int"),
    "most_after": "NoneType",
}
#: What --json promises: the keys, and what kind of value stands under each.
SCHEMA = {
    "issue": "str",
    "title": "str",
    "began": "str",
    "as_of": "str",
    "people": {
        **dict.fromkeys(["candidates", "sent", "failed", "uncertain", "queued", "sending"], "int"),
        "skipped": {"unsubscribed": "int"},
        "balances": "bool",
    },
    "heard": dict.fromkeys(
        [
            "delivered",
            "hard",
            "soft",
            "rejected",
            "delayed",
            "unheard",
            "complaints",
            "replies",
            "ever_delayed",
        ],
        "int",
    ),
    "pace": PACE,
    "timeline": {"width": "int", "sent": [["int", "int"]], "delivered": [["int", "int"]]},
    "bounces": {
        "reasons": [{"reason": "str", "hard": "int", "soft": "int"}],
        "domains": [{"domain": "str", "mailed": "int", "hard": "int", "soft": "int"}],
    },
    "opens": "NoneType",
    "clicks": "NoneType",
    "links": [],
    "unsubscribed": {
        **dict.fromkeys(["total", "by_link", "others"], "int"),
        "how": {"one-click": "int"},
        "by_day": [["str", "int", "int"]],
    },
    "list": {
        "confirmed_now": "int",
        "issue_before": "str",
        "since_issue_before": {
            "since": "NoneType",
            "until": "str",
            "joined": {"confirmed": "int"},
            "left": {},
            "by_day": [["str", "int", "int"]],
            "came": "int",
            "went": "int",
        },
        "since_this_issue": {
            "since": "str",
            "until": "str",
            "joined": {},
            "left": {"unsubscribed": "int"},
            "by_day": [["str", "int", "int"]],
            "came": "int",
            "went": "int",
        },
    },
    "campaigns": [
        {
            **dict.fromkeys(["segment", "state", "began"], "str"),
            **dict.fromkeys(["candidates", "sent", "failed", "uncertain", "queued", "sending"], "int"),
            "skipped": {"unsubscribed": "int"},
            "balances": "bool",
            "uncertain_deliveries": [],
            "heard": dict.fromkeys(
                [
                    "delivered",
                    "hard",
                    "soft",
                    "rejected",
                    "delayed",
                    "unheard",
                    "complaints",
                    "replies",
                    "ever_delayed",
                ],
                "int",
            ),
            "pace": PACE,
            "opens": "NoneType",
            "clicks": "NoneType",
            "unsubscribed_by_link": "int",
        }
    ],
}


def kinds(value: Any) -> Any:
    """The value with each leaf replaced by its type, and lists by their first item."""
    if isinstance(value, dict):
        return {key: kinds(each) for key, each in value.items()}
    if isinstance(value, list):
        inner = [kinds(each) for each in value]
        return inner[:1] if all(isinstance(each, dict | list) for each in value) else inner
    return type(value).__name__


def test_json_has_the_promised_keys(small: Desk) -> None:
    told = small.json("report", SLUG)
    assert kinds(told) == SCHEMA
    assert told["people"] == {
        "candidates": 12,
        "sent": 10,
        "failed": 1,
        "skipped": {"unsubscribed": 1},
        "uncertain": 0,
        "queued": 0,
        "sending": 0,
        "balances": True,
    }
    year = small.json("report", "--all")
    assert set(year) == {"year", "as_of", "issues"}
    assert [set(issue) for issue in year["issues"]] == [set(SCHEMA)]


def test_a_report_as_a_file_says_where_it_is(small: Desk, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert f"Wrote {file}" in small.ok("report", SLUG, "--html", str(file)).stdout
    assert "Rhythm and rest" in file.read_text("utf-8")
    told = small.json("report", "--all", "--html", str(file))
    assert (told["year"], told["html"]) == (2024, str(file))
    assert "<h1>2024</h1>" in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ([], 2, "one issue, or about all of a year"),
        (["latest", "--all"], 2, "one issue, or about all of a year"),
        (["latest", "--year", "2024"], 2, "one issue, or about all of a year"),
        (["2024-12-none"], 2, 'There is no issue "2024-12-none"'),
        (["2026-11-individual-vs-group"], 2, "has not been sent"),
        (["--all", "--year", "2020"], 2, "No issue was sent in 2020"),
        (["--all", "--year", "1"], 2, "is not in the range"),
        ([SLUG, "--html", "newsletter.toml/x.html"], 1, "File exists"),
    ],
)
def test_what_cannot_be_told_is_one_clear_line(small: Desk, asked: list[str], code: int, says: str) -> None:
    done = small.run("report", *asked)
    assert done.exit_code == code
    assert says in done.stderr
    assert done.stdout == ""


@pytest.fixture
def hostile(tmp_path: Path) -> Desk:
    """Titles, diagnoses, links and ways out that would do harm if anything did more than show them."""
    world = World()
    for place in range(9):
        world.person(f"reader{place}@example.org", at=MONDAY)
    campaign = world.campaign(SLUG, MONDAY, title=f"Title {EVIL}", segment="tag:x")
    for place in range(9):
        delivery = world.delivery(campaign, place + 1, at=MONDAY + timedelta(seconds=place))
        detail = f"Permanent General: {EVIL} {place}" if place else "Permanent General: for ada@example.org"
        world.event("bounce", delivery, MONDAY, bounce="hard", detail=detail.replace("\x00", ""))
        for link in (
            f"javascript:{EVIL}",
            "https://example.org/?e=ada@example.org",
            "https://ada%40example.org/",
        ):
            world.event("click", delivery, MONDAY, link=link.replace("\x00", ""))
        world.event("click", delivery, MONDAY, link=f"https://x.example/u/u.{place}.k.secretsignature")
    world.consent(1, "unsubscribed", MONDAY + timedelta(days=1), how="\x1b[31m<b>how", source="")
    return with_rows(tmp_path, world)


def test_texts_from_outside_do_nothing_on_a_terminal(hostile: Desk) -> None:
    for asked in ([SLUG], ["--all"]):
        told = hostile.ok("report", *asked, COLUMNS="200", FORCE_COLOR="1", TERM="xterm-256color").stdout
        assert not re.search(r"\x1b(?!\[[\d;]*m)", told), "only colours of ours"
        assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\u202e]", told)
    told = hostile.ok("report", SLUG, COLUMNS="200").stdout
    assert "\x1b" not in told
    assert "[red]<script>alert(1)</script> $x^2$ 日本語" in told
    assert "Another reason" in told
    assert "ada" not in told.replace("reader", "")


def test_texts_from_outside_do_nothing_in_json(hostile: Desk) -> None:
    plain = json.dumps(hostile.json("report", SLUG), ensure_ascii=False)
    assert not re.search(r"[\x00-\x1f\u202e]", plain)
    assert "@" not in plain
    assert "secretsignature" not in plain
    assert "%40" not in plain


def test_texts_from_outside_are_only_text_in_a_page(hostile: Desk, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    for asked in ([SLUG], ["--all"]):
        hostile.ok("report", *asked, "--html", str(file))
        page = file.read_text("utf-8")
        assert "<script" not in page.lower()
        assert "<b>" not in page
        assert "@example" not in page
        assert "secretsignature" not in page
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", page)
    hostile.ok("report", SLUG, "--html", str(file))
    assert "[red]&lt;script&gt;alert(1)&lt;/script&gt; $x^2$ 日本語" in file.read_text("utf-8")


def test_a_person_who_left_by_our_own_link_is_in_the_report(tmp_path: Path) -> None:
    desk = make_desk(tmp_path / "desk")
    for name in ("ada", "bob"):
        desk.ok("subscribers", "add", f"{name}@example.org", "--consent", "asked me")
    desk.ok("send", "2026-11-individual-vs-group", "--yes")
    desk.ok("subscribers", "unsubscribe", "ada@example.org")
    told = desk.json("report", "2026-11-individual-vs-group")
    assert (told["people"]["sent"], told["heard"]["unheard"]) == (2, 2)
    assert told["unsubscribed"]["how"] == {"cli": 1}
    assert told["list"]["since_issue_before"]["joined"] == {"added": 2}
    assert "newsletter events pull" in desk.ok("report", "latest").stdout
