"""``subscribers``: the list."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.output import State, json_option, note, pass_state
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.store.subscribers import Subscriber

__all__ = ["COMMANDS"]


@click.group()
def subscribers() -> None:
    """Keep the list: add, import, show, unsubscribe."""


@subscribers.command()
@click.argument("email")
@click.option("--name", default="", help="Full name.")
@click.option("--tag", "tags", multiple=True, help="Tag; repeatable.")
@click.option("--field", "fields", metavar="KEY=VALUE", multiple=True, help="Custom merge field; repeatable.")
@click.option(
    "--consent", default="", metavar="TEXT", help='How they agreed, in words: "asked me at the fair".'
)
@json_option
@pass_state
def add(
    state: State, email: str, name: str, tags: tuple[str, ...], fields: tuple[str, ...], consent: str
) -> None:
    """Add EMAIL as a confirmed subscriber, or update their name, tags and fields.

    Whoever has unsubscribed is refused: only they themselves can come back.

    \b
    Example: newsletter subscribers add ada@example.org --name "Ada Byron" --consent "asked by phone"
    """
    from newsletter.people.adding import add_subscriber

    attributes: dict[str, str] = {}
    for field in fields:
        key, equals, value = field.partition("=")
        if not equals:
            raise UsageError(f"--field {field!r} is not KEY=VALUE.", hint='Write --field "city=Halifax".')
        attributes[key] = value
    services = state.services
    added = add_subscriber(
        services.engine,
        email,
        name=name,
        tags=tags,
        fields=attributes,
        consent=consent or "stated by the owner",
        clock=services.clock,
    )
    state.result(
        {"email": email, "outcome": added.outcome, "sendable": added.sendable},
        f"{email}: {added.outcome}"
        + (
            "."
            if added.sendable
            else ", but Amazon SES cannot mail it: it has letters beyond ASCII before the @."
        ),
    )


@subscribers.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--consent", default="", metavar="TEXT", help="Where these people agreed; kept as proof.")
@click.option("--tag", "tags", multiple=True, help="Give everyone this tag; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@json_option
@pass_state
def import_(state: State, file: Path, consent: str, tags: tuple[str, ...], dry_run: bool) -> None:
    """Import subscribers from a CSV FILE (also .gz). Bad rows are listed with their line; good ones go in.

    Columns: email, and any of name, first_name, last_name, tags; every other column is a merge field.
    Exit 0 if every row was taken, 2 if some were refused.

    \b
    Example: newsletter subscribers import people.csv --consent "sign-up sheet, spring fair 2026"
    """
    from newsletter.people.importing import import_csv

    services = state.services
    result = import_csv(
        services.engine, file, source=consent, tags=tags, clock=services.clock, dry_run=dry_run
    )
    for problem in result.refused[:50]:
        note(f"{file}:{problem.line}: {problem.reason}")
    if len(result.refused) > 50:
        note(f"... and {len(result.refused) - 50} more; --json lists all of them.")
    would = "Would import" if dry_run else "Imported"
    state.result(
        {
            "new": result.new,
            "updated": result.updated,
            "unchanged": result.unchanged,
            "refused": [{"line": problem.line, "reason": problem.reason} for problem in result.refused],
            "batch": result.batch_id,
            "dry_run": dry_run,
        },
        f"{would} {file.name}: {result.new} new, {result.updated} updated, {result.unchanged} unchanged, "
        f"{len(result.refused)} refused.",
    )
    if result.refused:
        raise SystemExit(UsageError.exit_code)


@subscribers.command("list")
@click.option(
    "--status", default=None, help="Only these: pending, confirmed, unsubscribed, bounced, complained."
)
@click.option("--segment", default="", help="Only this segment: a name from [segments], or a rule.")
@json_option
@pass_state
def list_(state: State, status: str | None, segment: str) -> None:
    """List subscribers, one a line: address, status, name, tags.

    \b
    Example: newsletter subscribers list --segment families
    """
    from newsletter import pipeline
    from newsletter.model import SubscriberStatus
    from newsletter.store.engine import reading
    from newsletter.store.subscribers import list_subscribers
    from newsletter.store.tables import subscribers as table

    if status is not None and status not in list(SubscriberStatus):
        raise UsageError(f"There is no status {status!r}.", hint=f"One of: {', '.join(SubscriberStatus)}.")
    services = state.services
    condition = pipeline.audience(services, segment)
    if status is not None:
        condition = condition & (table.c.status == status)
    with reading(services.engine) as connection:
        rows = list_subscribers(connection, condition)
        if state.json:
            state.result({"subscribers": [_plain(row) for row in rows]}, None)
            return
        count = 0
        for row in rows:
            count += 1
            click.echo(f"{row.email}\t{row.status}\t{row.name}\t{','.join(row.tags)}")
    note(f"{count} subscriber(s).")


@subscribers.command()
@click.argument("email")
@json_option
@pass_state
def show(state: State, email: str) -> None:
    """Show all that is kept about EMAIL.

    \b
    Example: newsletter subscribers show ada@example.org
    """
    from newsletter.people.addresses import address_key
    from newsletter.store.engine import reading
    from newsletter.store.subscribers import show as look_up

    with reading(state.services.engine) as connection:
        found = look_up(connection, address_key(email))
    if found is None:
        raise UsageError("There is no subscriber with this address.", hint="See: newsletter subscribers list")
    person = found.subscriber
    lines = [
        f"{person.email}  ({person.status})",
        *([f"Name: {person.name}"] if person.name else []),
        *([f"Tags: {', '.join(person.tags)}"] if person.tags else []),
        *[f"{key}: {value}" for key, value in person.attributes.items()],
        *([f"Suppressed: {found.suppression.reason}"] if found.suppression else []),
        *[
            f"{event.at:%Y-%m-%d %H:%M} UTC  {event.kind} ({event.how})"
            + (f": {event.source}" if event.source else "")
            for event in found.consent
        ],
    ]
    state.result(
        {
            **_plain(person),
            "attributes": dict(person.attributes),
            "suppressed": found.suppression.reason if found.suppression else None,
            "consent": [
                {"at": event.at.isoformat(), "kind": event.kind, "how": event.how, "source": event.source}
                for event in found.consent
            ],
        },
        "\n".join(lines),
    )


@subscribers.command()
@click.argument("email")
@click.option("--reason", default="", help="In words, for the record.")
@json_option
@pass_state
def unsubscribe(state: State, email: str, reason: str) -> None:
    """Unsubscribe EMAIL, at once and for ever; no import brings them back.

    \b
    Example: newsletter subscribers unsubscribe ada@example.org --reason "asked by phone"
    """
    from newsletter.people.leaving import unsubscribe as leave

    services = state.services
    outcome = leave(services.engine, email, how="cli", source=reason, clock=services.clock)
    if outcome == "unknown":
        raise UsageError("There is no subscriber with this address.", hint="See: newsletter subscribers list")
    state.result(
        {"email": email, "outcome": outcome},
        f"{email} {'is unsubscribed now' if outcome == 'unsubscribed' else 'had left already'}.",
    )


def _plain(row: "Subscriber") -> dict[str, Any]:
    return {"email": row.email, "status": row.status, "name": row.name, "tags": list(row.tags)}


COMMANDS = (subscribers,)
