"""``why``: a person's whole history on one page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, json_option, pass_state

if TYPE_CHECKING:
    from newsletter.reporting.why import Why
    from newsletter.store.histories import EventTrace

__all__ = ["COMMANDS", "consent_lines", "delivery_lines", "event_lines", "import_lines"]


@click.command()
@click.argument("email")
@json_option
@pass_state
def why(state: State, email: str) -> None:
    """Say why EMAIL got an issue or did not: consent, imports, each campaign and what the provider reported,
    suppression, and today.

    Works for people who are not on the list, too: suppressed or forgotten ones.

    \b
    Example: newsletter why ada@example.org
    """
    from newsletter.people.addresses import address_key
    from newsletter.reporting.why import why as look_up

    services = state.services
    found = look_up(services.engine, address_key(email), fingerprints=state.fingerprints)
    state.result({"email": email, **found.as_dict()}, _page(email, found))


def _page(email: str, found: "Why") -> str:
    person = found.person.subscriber if found.person else None
    head = f"{email}  ({person.status if person else 'not on the list'})"
    lines = [head, found.today_in_words]
    if found.suppression:
        detail = f": {found.suppression.detail}" if found.suppression.detail else ""
        lines.append(
            f"Suppressed since {found.suppression.at:%Y-%m-%d} ({found.suppression.reason}){detail}."
        )
    for title, rows in (
        ("Consent", consent_lines(found)),
        ("Imports", import_lines(found)),
        ("Issues", delivery_lines(found) or ["  None was planned for them."]),
        ("Other mail, as the provider reports", event_lines(found.events_of(None), indent=2)),
    ):
        if rows:
            lines += ["", title, *rows]
    return "\n".join(lines)


def consent_lines(found: "Why") -> list[str]:
    """Return a line for each consent event, oldest first."""
    return [
        f"  {event.at:%Y-%m-%d %H:%M} UTC  {event.kind} ({event.how}{', ' + event.ip if event.ip else ''})"
        + (f": {event.source}" if event.source else "")
        for event in (found.person.consent if found.person else ())
    ]


def import_lines(found: "Why") -> list[str]:
    """Return a line for each import that they were in, oldest first."""
    return [
        f"  {trace.at:%Y-%m-%d %H:%M} UTC  import {trace.batch}, {trace.file}"
        + (f"; undone on {trace.undone_at:%Y-%m-%d}" if trace.undone_at else "")
        for trace in found.imports
    ]


def delivery_lines(found: "Why") -> list[str]:
    """Return a line for each campaign that was planned for them, oldest first, each with its events.

    The first one is about those of which it is not known any more.
    """
    lines = []
    if found.compacted_until:
        lines.append(
            f"  Of issues until {found.compacted_until:%Y-%m-%d}, only the sums are kept (db compact)."
        )
    for trace in found.deliveries:
        lines.append(
            f"  {trace.at:%Y-%m-%d %H:%M} UTC  {trace.issue}"
            + (f" to {trace.segment}" if trace.segment else "")
            + f": {trace.state}"
            + (f" ({trace.reason})" if trace.reason else "")
            + (f", message {trace.message_id}" if trace.message_id else "")
            + f"  [delivery {trace.delivery}]"
        )
        lines += event_lines(found.events_of(trace.delivery), indent=6)
    return lines


def event_lines(events: "Sequence[EventTrace]", *, indent: int) -> list[str]:
    """Return a line for each event, oldest first."""
    return [
        f"{' ' * indent}{event.at:%Y-%m-%d %H:%M} UTC  "
        + (f"{event.bounce} " if event.bounce else "")
        + event.kind.value.replace("-", " ")
        + (" by a program" if event.machine else "")
        + (f": {event.detail}" if event.detail else "")
        + (f" <{event.link}>" if event.link else "")
        for event in events
    ]


COMMANDS = (why,)
