"""``replies``: what readers wrote under the issues."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.output import State, json_option, note, pass_state
from newsletter.cli.undoing import confirm

if TYPE_CHECKING:
    from newsletter.store.replies import Reply

__all__ = ["COMMANDS"]

_SHORT = 300  # characters of a reply on the terminal

_ids = click.argument(
    "numbers", metavar="NUMBER…", nargs=-1, required=True, type=click.IntRange(1, 2**63 - 1)
)
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def replies() -> None:
    """Read, approve and delete what readers wrote under the issues; docs/archive.md."""


@replies.command("list")
@click.argument("issue", required=False)
@click.option("--waiting", "state_", flag_value="waiting", help="Only those that wait for you.")
@click.option("--approved", "state_", flag_value="approved", help="Only those that are shown.")
@json_option
@pass_state
def list_(state: State, issue: str | None, state_: str | None) -> None:
    """List replies, oldest first: number, time, state, who wrote, under which issue, and what.

    \b
    Examples:
      newsletter replies list --waiting
      newsletter replies list 2026-11-individual-vs-group
    """
    from newsletter.standing import slug_of
    from newsletter.store.engine import reading
    from newsletter.store.replies import listed

    services = state.services
    slug = slug_of(services, issue) if issue else ""
    with reading(services.engine) as connection:
        found = listed(connection, state=state_ or "", slug=slug)
    state.result(
        {"replies": [_data(reply) for reply in found]},
        "\n\n".join(map(_text, found)) or "There are no such replies.",
    )


@replies.command()
@_ids
@_dry_run
@json_option
@pass_state
def approve(state: State, numbers: tuple[int, ...], dry_run: bool) -> None:
    """Let replies be shown. `newsletter serve` shows them at once, published pages after `archive publish`.

    \b
    Example: newsletter replies approve 12 13
    """
    from newsletter.store import replies as store

    services = state.services
    found = _find(state, numbers)
    if not dry_run:
        with services.engine.begin() as connection:
            for reply in found:
                store.approve(connection, reply.id, services.clock())
    _said(state, "approve", found, len(found), dry_run)


@replies.command()
@_ids
@_dry_run
@_yes
@json_option
@pass_state
def delete(state: State, numbers: tuple[int, ...], dry_run: bool, yes: bool) -> None:
    """Delete replies, shown or not. Nothing of them is kept.

    \b
    Example: newsletter replies delete 12
    """
    from newsletter.store import replies as store

    services = state.services
    found = _find(state, numbers)
    if not dry_run:
        if not yes:
            confirm(f"Delete {_so_many(len(found))} for good?")
        with services.engine.begin() as connection:
            for reply in found:
                store.remove(connection, reply.id)
    _said(state, "delete", found, len(found), dry_run)


@replies.command()
@_ids
@_dry_run
@_yes
@json_option
@pass_state
def ban(state: State, numbers: tuple[int, ...], dry_run: bool, yes: bool) -> None:
    """Delete replies, and take no more from whoever wrote them.

    From the same address or subscriber never again, from the same network not for 30 days. What else waits
    from there is deleted, too. They are not told.

    \b
    Example: newsletter replies ban 14
    """
    from newsletter.store import replies as store

    services = state.services
    found = _find(state, numbers)
    gone = len(found)
    if not dry_run:
        if not yes:
            confirm(f"Delete {_so_many(len(found))} for good, and ban who wrote them?")
        with services.engine.begin() as connection:
            gone = sum(store.ban(connection, reply.id, services.clock()) for reply in found)
    _said(state, "ban", found, gone, dry_run)


def _find(state: State, numbers: tuple[int, ...]) -> "list[Reply]":
    """Return the replies of these numbers. Raises UsageError if one is not there."""
    from newsletter.errors import UsageError
    from newsletter.store.engine import reading
    from newsletter.store.replies import find

    with reading(state.services.engine) as connection:
        found = {number: find(connection, number) for number in numbers}
    if missing := [str(number) for number, reply in found.items() if reply is None]:
        raise UsageError(f"There is no reply {', '.join(missing)}.", hint="See: newsletter replies list")
    return [reply for reply in found.values() if reply is not None]


def _said(state: State, what: str, found: "list[Reply]", count: int, dry_run: bool) -> None:
    done = {"approve": "approved", "delete": "deleted", "ban": "deleted, their writers banned"}[what]
    text = f"{_so_many(count)} {'would be ' if dry_run else ''}{done}."
    if not dry_run and what != "ban" and state.services.settings.archive_url:
        note("Published pages follow with: newsletter archive publish")
    state.result(
        {"did": what, "replies": [reply.id for reply in found], "count": count, "dry_run": dry_run}, text
    )


def _so_many(count: int) -> str:
    return f"{count} {'reply' if count == 1 else 'replies'}"


def _data(reply: "Reply") -> dict[str, Any]:
    return {
        "number": reply.id,
        "at": reply.at.isoformat(),
        "state": reply.state,
        "issue": reply.slug,
        "name": reply.name,
        "email": reply.email,
        "reader": reply.subscriber_id is not None,
        "text": reply.body,
    }


def _text(reply: "Reply") -> str:
    who = reply.name + (f" <{reply.email}>" if reply.email else "")
    known = " (a reader)" if reply.subscriber_id is not None else ""
    short = reply.body if len(reply.body) <= _SHORT else f"{reply.body[:_SHORT]} …"
    body = "\n".join(f"      {line}" for line in short.split("\n"))
    head = f"{reply.id:>4}  {reply.at:%Y-%m-%d %H:%M} UTC  {reply.state:8}  {reply.slug}"
    return f"{head}\n      {who}{known}:\n{body}"


COMMANDS = (replies,)
