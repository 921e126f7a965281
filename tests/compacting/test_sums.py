"""The figures of an issue are the same before its rows are compacted, while they go, and afterwards."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from sqlalchemy import Engine

from newsletter.checks.colours import palette
from newsletter.errors import AccountsError, ConfigError
from newsletter.reporting.accounting import accounts
from newsletter.reporting.counting import count
from newsletter.reporting.gathering import issue_figures, year_figures
from newsletter.reporting.page import Look, issue_page, year_page
from newsletter.reporting.terminal import issue_text
from newsletter.store import compacting
from newsletter.store.campaigns import campaigns_of
from newsletter.store.engine import reading
from newsletter.store.sums import from_text, stored, to_text
from newsletter.store.tables import sums
from tests.compacting.past import NOW, SLUG, a_past_year, compact, put_in, rows_of, the_old
from tests.reporting.world import World

HALIFAX = ZoneInfo("America/Halifax")
OLD = ("2026-09-back-to-rhythm", "2026-10-songs-that-stay", SLUG)


@pytest.fixture
def world(engine: Engine) -> World:
    """A year of long ago, in the database."""
    made = a_past_year()
    for kind in ("open", "bounce", "delivery"):  # of which nobody knows whose mail they are about
        made.event(kind, None, NOW, campaign_id=4)
    return put_in(made, engine)


def everything_said(engine: Engine) -> dict[str, Any]:
    """Whatever anybody is shown of the old issues."""
    look = Look(name="Ignite", colours=palette("#2f5d50", "#c8553d"), zone=HALIFAX)
    asked: Any = {"now": NOW, "zone": HALIFAX, "opens": True, "clicks": True}
    said: dict[str, Any] = {}
    for slug in OLD:
        figures = issue_figures(engine, slug, **asked)
        said[slug] = figures.as_dict()
        said[f"{slug} on a page"] = issue_page(figures, look)
        said[f"{slug} on the terminal"] = issue_text(figures, HALIFAX, Console(width=120))
    year = year_figures(engine, 2026, **asked)
    said["year"], said["year on a page"] = year.as_dict(), year_page(year, look)
    for number in range(1, 8):
        said[f"accounts of {number}"] = accounts(engine, number)
    return said


@pytest.mark.slow
def test_every_figure_stays_the_same(engine: Engine, world: World) -> None:
    before = everything_said(engine)
    november = before[SLUG]
    assert len(november["campaigns"]) == 2
    assert november["heard"]["hard"] and november["heard"]["soft"] and november["heard"]["complaints"]
    assert november["opens"]["people"]["by_hour"] and november["links"] and november["people"]["skipped"]
    assert before["accounts of 4"].balances
    compact(engine, OLD[0])
    assert compacting.compact(engine, the_old(engine), count=count, now=NOW)
    assert rows_of(engine).total > 0
    assert everything_said(engine) == before
    going = compacting.empty(engine, SLUG, now=NOW, chunk=25)
    for _ in range(4):
        next(going)
    assert 0 < rows_of(engine).total < len(world.rows["deliveries"]) + len(world.rows["events"])
    assert everything_said(engine) == before
    list(going)
    compact(engine, OLD[1])
    assert [rows_of(engine, slug).total for slug in OLD] == [0, 0, 0]
    assert everything_said(engine) == before


def test_whether_opens_are_counted_is_asked_today(engine: Engine, world: World) -> None:
    def said() -> list[Any]:
        asked: Any = {"now": NOW, "zone": HALIFAX}
        return [
            year_figures(engine, 2026, **asked, opens=tracked, clicks=tracked).as_dict()
            for tracked in (True, False)
        ]

    before = said()
    for slug in OLD:
        compact(engine, slug)
    assert said() == before


def test_what_is_kept_reads_back_as_it_was_and_names_nobody(engine: Engine, world: World) -> None:
    with reading(engine) as connection:
        counted = count(connection, campaigns_of(connection, SLUG))
    text = to_text(counted)
    assert from_text(text) == counted
    assert "reader0" not in text and "@" not in text
    assert "pair.example.net" not in text and "mail.example.com" in text
    assert len(text) < 20_000
    compact(engine)
    with reading(engine) as connection:
        assert stored(connection, SLUG) == counted


def test_sums_of_a_newer_version_and_sums_that_are_gone_are_clear_errors(
    engine: Engine, world: World
) -> None:
    compact(engine)
    with engine.begin() as connection:
        connection.execute(sums.update().values(figures=json.dumps({"version": 2, "issue": {}})))
    with pytest.raises(ConfigError, match="newer version"):
        accounts(engine, 3)
    with engine.begin() as connection:
        connection.execute(sums.delete())
    with pytest.raises(AccountsError, match=f"sums of {SLUG} are gone"):
        accounts(engine, 3)
