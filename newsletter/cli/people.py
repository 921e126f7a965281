"""``subscribers``: the list."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli import importing, undoing
from newsletter.cli.output import State, json_option, note, pass_state
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from newsletter.store.subscribers import Subscriber
    from newsletter.wiring import Services

__all__ = ["COMMANDS", "choose"]


@click.group()
def subscribers() -> None:
    """Keep the list: add, import, export, show, tag, unsubscribe, forget."""


for _command in (*importing.SUBCOMMANDS, *undoing.SUBCOMMANDS):
    subscribers.add_command(_command)


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
    from newsletter.people.addresses import address_key
    from newsletter.people.doubts import likely_meant

    attributes: dict[str, str] = {}
    for field in fields:
        key, equals, value = field.partition("=")
        if not equals:
            raise UsageError(f"--field {field!r} is not KEY=VALUE.", hint='Write --field "city=Halifax".')
        attributes[key] = value
    domain = address_key(email).rpartition("@")[2]
    if meant := likely_meant(domain):
        note(f"{domain} is probably {meant}: look again.")
    services = state.services
    added = add_subscriber(
        services.engine,
        email,
        name=name,
        tags=tags,
        fields=attributes,
        consent=consent or "stated by the owner",
        fingerprints=state.fingerprints,
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
    from newsletter.store.engine import reading
    from newsletter.store.subscribers import list_subscribers

    services = state.services
    condition = choose(services, segment, status)
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


def choose(services: "Services", segment: str, status: str | None) -> "ColumnElement[bool]":
    """Return the condition that a segment and a status mean. Raises UsageError if there is no such thing."""
    from newsletter.model import SubscriberStatus
    from newsletter.people.segments import audience_of
    from newsletter.store.tables import subscribers as table

    if status is not None and status not in list(SubscriberStatus):
        raise UsageError(f"There is no status {status!r}.", hint=f"One of: {', '.join(SubscriberStatus)}.")
    condition = audience_of(services.settings, segment)
    return condition if status is None else condition & (table.c.status == status)


@subscribers.command()
@click.argument("email")
@json_option
@pass_state
def show(state: State, email: str) -> None:
    """Show all that is kept about EMAIL. With --json it is the answer to a person who asks what you know.

    \b
    Example: newsletter subscribers show ada@example.org --json
    """
    from newsletter.cli.why import consent_lines, delivery_lines, import_lines
    from newsletter.people.addresses import address_key
    from newsletter.people.exporting import as_plain
    from newsletter.reporting.why import why

    services = state.services
    found = why(services.engine, address_key(email), fingerprints=state.fingerprints)
    if found.person is None:
        raise UsageError(
            "There is no subscriber with this address.", hint=f"See what is known: newsletter why {email}"
        )
    person = found.person.subscriber
    lines = [
        f"{person.email}  ({person.status})",
        *([f"Name: {person.name}"] if person.name else []),
        *([f"Tags: {', '.join(person.tags)}"] if person.tags else []),
        *[f"{key}: {value}" for key, value in person.attributes.items()],
        *([f"Suppressed: {found.suppression.reason}"] if found.suppression else []),
        *consent_lines(found),
        *import_lines(found),
        *delivery_lines(found),
    ]
    suppressed = found.suppression.reason if found.suppression else None
    state.result({**found.as_dict(), **as_plain(person), "suppressed": suppressed}, "\n".join(lines))


@subscribers.command()
@click.argument("email")
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@json_option
@pass_state
def tag(state: State, email: str, tags: tuple[str, ...]) -> None:
    """Give EMAIL one or more tags.

    \b
    Example: newsletter subscribers tag ada@example.org families open-day
    """
    from newsletter.people.tagging import change_tags

    services = state.services
    new = change_tags(services.engine, email, tags, "add", clock=services.clock)
    state.result({"email": email, "added": new}, f"{email}: {new} new tag(s).")


@subscribers.command()
@click.argument("email")
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@json_option
@pass_state
def untag(state: State, email: str, tags: tuple[str, ...]) -> None:
    """Take one or more tags off EMAIL.

    \b
    Example: newsletter subscribers untag ada@example.org open-day
    """
    from newsletter.people.tagging import change_tags

    services = state.services
    gone = change_tags(services.engine, email, tags, "remove", clock=services.clock)
    state.result({"email": email, "removed": gone}, f"{email}: {gone} tag(s) taken off.")


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


@subscribers.command()
@click.argument("email")
@click.option("--dry-run", is_flag=True, help="Say what would be erased; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_state
def forget(state: State, email: str, dry_run: bool, yes: bool) -> None:
    """Erase EMAIL everywhere; keep only a keyed hash, so that no import or sign-up brings them back.

    The ledger keeps its rows under that hash. It cannot be undone.

    \b
    Example: newsletter subscribers forget ada@example.org --dry-run
    """
    from newsletter.people.forgetting import forget as erase
    from newsletter.store.backup import backups

    services = state.services
    known_by = services.tokens.fingerprints
    if not dry_run and not yes:
        erase(services.engine, email, fingerprints=known_by, clock=services.clock, dry_run=True)
        undoing.confirm(f"Erase {email} for ever?")
    done = erase(services.engine, email, fingerprints=known_by, clock=services.clock, dry_run=dry_run)
    rows = ", ".join(f"{count} in {table}" for table, count in done.rows.items()) or "nothing was known"
    state.result(
        {"email": email, "rows": dict(done.rows), "dry_run": dry_run},
        f"{'Would forget' if dry_run else 'Forgot'} {email} ({rows}).",
    )
    if not dry_run:
        old = len(backups(services.workspace.subscribers / "backups"))
        if old and done.rows:
            note(f"{old} backup(s) in subscribers/backups/ are older: delete those that must not hold them.")
        if services.workspace.mailbox.exists():
            note("Mail in the local mailbox, subscribers/mailbox/, is not touched.")


def _plain(row: "Subscriber") -> dict[str, Any]:
    return {"email": row.email, "status": row.status, "name": row.name, "tags": list(row.tags)}


COMMANDS = (subscribers,)
