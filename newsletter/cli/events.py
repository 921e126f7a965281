"""``events``: what the provider reports."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, json_option, note, pass_state

if TYPE_CHECKING:
    from newsletter.listening import Pulled

__all__ = ["COMMANDS"]

_MOST_SECONDS = 3600


@click.group()
def events() -> None:
    """Hear what became of the mail: bounces, complaints, who wants to leave."""


@events.command()
@click.option(
    "--wait",
    default=0,
    show_default=True,
    type=click.IntRange(0, _MOST_SECONDS),
    help="Seconds to wait for something to come.",
)
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@json_option
@pass_state
def pull(state: State, wait: int, follow: bool) -> None:
    """Read the queue of events, the mailbox for "unsubscribe" mails and Amazon's suppression list.

    Bounces and complaints take people off the list; deliveries whose outcome nobody knew are settled. It may
    run while a send does, and as often as you like: from cron, or by `newsletter run`.

    \\b
    Examples:
      newsletter events pull
      newsletter events pull --follow
    """
    from datetime import timedelta

    from newsletter.cli.progress import graceful_stop
    from newsletter.errors import UsageError
    from newsletter.listening import SYNC_EVERY, Pulled, is_listening
    from newsletter.listening import pull as listen

    services = state.services
    if not is_listening(services.settings):
        raise UsageError(
            "There is nothing to listen to: neither a queue nor a mailbox is set.",
            hint="Set events_queue_url under [ses], or kind under [inbox]; "
            "`newsletter aws setup` makes the queue. See docs/feedback.md.",
        )
    total, every = Pulled(), timedelta()
    with graceful_stop("Stopping after this round; press again to leave at once.") as stop:
        while True:
            patience = max(wait, 10) if follow else wait
            pulled = listen(services, stop=stop.is_set, wait=patience, sync_every=every)
            total, every = total + pulled, SYNC_EVERY
            for text in pulled.notes:
                note(text)
            if not follow or stop.is_set():
                break
            if not state.json and any(pulled.counts().values()):
                click.echo(in_words(pulled))
    state.result({**total.counts(), "notes": list(total.notes)}, in_words(total))


def in_words(pulled: "Pulled") -> str:
    """Return the counts on one line; what did not happen is left out.

    >>> from newsletter.listening import Pulled
    >>> in_words(Pulled(events=12, suppressed=1)), in_words(Pulled())
    ('12 new events, 1 address suppressed after bounces.', 'Nothing new.')
    """
    said = [
        _count(pulled.events, "new event", "new events"),
        _count(pulled.duplicates, "known before", "known before"),
        _count(pulled.ignored, "message that is no event", "messages that are no events"),
        _count(pulled.settled, "uncertain delivery settled as sent", "uncertain deliveries settled as sent"),
        _count(pulled.suppressed, "address suppressed after bounces", "addresses suppressed after bounces"),
        _count(pulled.complained, "complaint", "complaints"),
        _count(pulled.unsubscribed, "person left by mail", "people left by mail"),
        _count(pulled.told, "suppression told to Amazon", "suppressions told to Amazon"),
    ]
    return f"{', '.join(filter(None, said))}." if any(said) else "Nothing new."


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}" if number else ""


COMMANDS = (events,)
