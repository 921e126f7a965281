"""A send as the owner sees it: a bar with rate and time left on stderr, the accounts on stdout."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from newsletter.cli.output import State, note
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.reporting.accounting import Accounts
    from newsletter.store.campaigns import Campaign
    from newsletter.wiring import Services

__all__ = ["cool_off", "describe_accounts", "describe_campaign", "graceful_stop", "run_to_the_end"]


def run_to_the_end(state: State, campaign: "Campaign") -> None:
    """Deliver what is queued, with a progress bar; then print the accounts and end with their exit code.

    Where workers live, they deliver, and this looks on.
    """
    from newsletter import pipeline
    from newsletter.due.enlisting import workers
    from newsletter.fleet import watching
    from newsletter.reporting.accounting import read_accounts
    from newsletter.store.campaigns import get_campaign
    from newsletter.store.engine import reading

    services = state.services
    stopped: NewsletterError | None = None
    if live := workers(services):
        note(f"{live} worker{'s send' if live > 1 else ' sends'} it.")
    with graceful_stop(*([watching.LEFT] if live else [])) as stop:
        try:
            wait = sys.stderr.isatty()  # with nobody watching, whatever started us comes again
            settings = services.settings
            price = settings.ses.price_per_thousand if settings.sender.kind == "ses" else 0.0
            steps = (
                watching.watch(services, campaign, stop=stop.is_set)
                if live
                else pipeline.deliver(services, campaign, stop=stop.is_set, wait=wait)
            )
            _draw(steps, price)
        except NewsletterError as error:  # halted, parked or stopped: say what was done before saying why
            stopped = error
    with reading(services.engine) as connection:
        campaign, standing = get_campaign(connection, campaign.id), read_accounts(connection, campaign.id)
    state.result(
        describe_campaign(campaign, standing), describe_accounts(standing) + services.where_mail_went()
    )
    if stopped:
        raise stopped
    standing.assert_settled()


def cool_off(services: "Services", campaign: "Campaign") -> None:
    """Wait ``cooling_off`` before the first mail to real people; Ctrl-C or `newsletter pause` ends it.

    Meanwhile the campaign is looked after, so that no scheduler goes on with it.
    """
    from newsletter.delivery.owners import this_process
    from newsletter.delivery.steering import pause
    from newsletter.delivery.tending import take
    from newsletter.settings import duration

    if services.settings.sender.kind != "ses":
        return
    wait = services.settings.schedule.cooling_off
    note(f"The first mail leaves in {wait}. To hold it: Ctrl-C, or newsletter pause {campaign.slug}")
    left = duration(wait).total_seconds()
    try:
        while left > 0:
            services.sleep(min(left, 20))
            left -= 20
            with services.engine.begin() as connection:
                take(connection, campaign.id, this_process(), services.clock)
    except KeyboardInterrupt:
        pause(services.engine, campaign.id, reason="by the owner, before the first mail")


def describe_campaign(campaign: "Campaign", accounts: "Accounts") -> dict[str, Any]:
    """Return a campaign and its accounts as one plain object, for ``--json``."""
    return {
        "issue": campaign.slug,
        "segment": campaign.segment,
        "state": campaign.state,
        "reason": campaign.reason,
        "compacted_at": campaign.compacted_at.isoformat() if campaign.compacted_at else None,
        **accounts.as_dict(),
    }


def describe_accounts(accounts: "Accounts") -> str:
    """Return the accounting identity as a sum that a person can check, uncertain ones named by number."""
    rows: list[tuple[str, int]] = [("sent", accounts.sent), ("failed", accounts.failed)]
    rows += [(f"skipped, {reason}", count) for reason, count in sorted(accounts.skipped.items())]
    rows += [("uncertain", accounts.uncertain), ("queued", accounts.queued), ("in flight", accounts.sending)]
    lines = [f"  {count:>10,}  {name}" for name, count in rows if count or name == "sent"]
    total = f"{accounts.candidates:>10,}  candidates"
    verdict = "" if accounts.balances else "   DOES NOT BALANCE"
    lines += [f"  {'-' * 10}", f"= {total}{verdict}"]
    if accounts.uncertain_ids:
        shown = ", ".join(str(number) for number in accounts.uncertain_ids[:20])
        more = "" if accounts.uncertain <= 20 else f" and {accounts.uncertain - 20} more"
        lines.append(f"  uncertain deliveries: {shown}{more}")
    return "\n".join(lines)


def _draw(steps: Iterator[Any], price: float) -> None:
    """Draw the bar on a terminal; on a pipe, nothing. price: US dollars for a thousand mails."""
    if not sys.stderr.isatty():
        for _ in steps:
            pass
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Mails a second, lately."""

        def render(self, task: Any) -> Text:
            return Text(f"{task.speed or 0:,.1f}/s")

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[cost]}{task.fields[detail]}"),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("Sending", total=None, cost="", detail="")
        for step in steps:
            cost = f"US${step.sent * price / 1000:,.2f} " if price else ""
            bar.update(task, total=step.total, completed=step.done, cost=cost, detail=step.detail)


@contextmanager
def graceful_stop(
    said: str = "Stopping after the call in flight; press again to leave at once.",
) -> Iterator[threading.Event]:
    """Give an event that the first SIGINT or SIGTERM sets; the second leaves at once. said: at the first.

    A process that leaves at once keeps its claims; they become ``uncertain`` at the next resume.
    """
    import os

    stop = threading.Event()

    def handler(_signal: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(7)
        stop.set()
        note(f"\n{said}")

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)
