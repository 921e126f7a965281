"""``db compact``: the rows of old issues go, their sums stay."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.output import State, confirm_readers, json_option, note, pass_state
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from newsletter.store.compacting import Old, Rows
    from newsletter.wiring import Services

__all__ = ["compact"]


@click.command()
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.IntRange(min=60),
    default=400,
    show_default=True,
    help="Issues whose last send ended so long ago; at least 60, for so long events come in.",
)
@click.option("--issue", "slugs", metavar="SLUG", multiple=True, help="Only this one of them; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed; change nothing.")
@click.option("--no-backup", is_flag=True, help="Do not back up the database first.")
@click.option("--yes", is_flag=True, help="Do not ask for the number of rows.")
@json_option
@pass_state
def compact(
    state: State, older_than: int, slugs: tuple[str, ...], dry_run: bool, no_backup: bool, yes: bool
) -> None:
    """Remove the delivery and event rows of old issues, and keep their sums for ever.

    `status`, `proof` and `report` go on to show the same figures. Who had such an issue is not known any
    more: it is never sent again, and `why` says so. Safe to stop and to repeat; a send may be under way.

    \b
    Examples:
      newsletter db compact --dry-run
      newsletter db compact --older-than 800
    """
    services = state.services
    going, staying, half = _look(services, older_than, slugs)
    for old in staying:
        note(f"{old.slug} keeps its rows: {old.why}." + (f" {old.hint}" if old.hint else ""))
    rows = {**{old.slug: old.rows for old in going}, **half}
    told: dict[str, Any] = {
        "dry_run": dry_run,
        "issues": [_plain(slug, each) for slug, each in rows.items()],
        "kept": [{"issue": old.slug, "reason": old.why, "hint": old.hint} for old in staying],
    }
    if not rows:
        state.result(
            told, f"Nothing to compact: no issue of more than {older_than} days ago may lose its rows."
        )
        return
    lines = [
        f"{slug:40} {each.deliveries:>13,} deliveries {each.events:>13,} events"
        + (" left of a compacting that was stopped" if slug in half else "")
        for slug, each in rows.items()
    ]
    if dry_run:
        state.result(told, "\n".join([*lines, f"Would remove {_in_words(rows)}; their figures would stay."]))
        return
    note("\n".join([*lines, f"{_in_words(rows)} go; their figures stay."]))
    confirm_readers(sum(each.total for each in rows.values()), yes=yes, to="remove", of="rows")
    if not no_backup:
        from newsletter.cli.importing import back_up_first

        back_up_first(services)
    removed = _compact(services, going, rows)
    told["removed"] = {"deliveries": removed.deliveries, "events": removed.events}
    state.result(
        told, f"Removed {removed.deliveries:,} deliveries and {removed.events:,} events; their figures stay."
    )


def _look(
    services: "Services", days: int, slugs: Sequence[str]
) -> "tuple[list[Old], list[Old], dict[str, Rows]]":
    """Return the issues whose rows may go, those that keep theirs, and those half of whose rows are gone."""
    from datetime import timedelta

    from newsletter.feedback.keeping import SOFT_RUN
    from newsletter.people.segments import issues_asked_about
    from newsletter.store import compacting
    from newsletter.store.campaigns import campaigns_of
    from newsletter.store.engine import reading

    with reading(services.engine) as connection:
        for slug in slugs:
            if not campaigns_of(connection, slug):
                raise UsageError(f"{slug} has not been sent.", hint="See what has: newsletter status")
        found = compacting.look(
            connection,
            before=services.clock() - timedelta(days=days),
            keep=SOFT_RUN,
            asked_about=issues_asked_about(connection, services.settings),
        )
        half = compacting.half_emptied(connection)
    if slugs:
        found = [old for old in found if old.slug in slugs]
        half = {slug: rows for slug, rows in half.items() if slug in slugs}
    return [old for old in found if not old.why], [old for old in found if old.why], half


def _compact(services: "Services", going: "Sequence[Old]", rows: "dict[str, Rows]") -> "Rows":
    """Keep the sums of the issues, and remove their rows; return how many those were."""
    from newsletter.reporting.counting import count
    from newsletter.store import compacting

    engine = services.engine
    sums = {old.slug: old for old in going}
    removed = compacting.Rows()

    def pause() -> None:
        if engine.dialect.name == "sqlite":  # one writer at a time: let others have their turn
            services.sleep(0.02)

    with _bar(sum(each.total for each in rows.values())) as advance:
        for slug in rows:
            if slug in sums:
                compacting.compact(engine, sums[slug], count=count, now=services.clock())
            for gone in compacting.empty(engine, slug, now=services.clock(), pause=pause):
                removed += gone
                advance(gone.total)
    return removed


@contextmanager
def _bar(total: int) -> "Iterator[Callable[[int], None]]":
    """Give what draws the bar on stderr; on a pipe, nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=total, label="Removing rows", file=sys.stderr) as bar:
        yield bar.update


def _plain(slug: str, rows: "Rows") -> dict[str, Any]:
    return {"issue": slug, "deliveries": rows.deliveries, "events": rows.events}


def _in_words(rows: "dict[str, Rows]") -> str:
    deliveries = sum(each.deliveries for each in rows.values())
    events = sum(each.events for each in rows.values())
    issues = "1 issue" if len(rows) == 1 else f"{len(rows)} issues"
    return f"{deliveries:,} deliveries and {events:,} events of {issues}"
