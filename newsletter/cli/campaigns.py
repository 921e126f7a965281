"""``status`` and ``proof``: what became of a send."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, json_option, pass_state
from newsletter.cli.progress import describe_accounts, describe_campaign

if TYPE_CHECKING:
    from newsletter.delivery.progress import Progress
    from newsletter.reporting.accounting import Accounts
    from newsletter.store.campaigns import Campaign
    from newsletter.wiring import Services

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue", required=False)
@click.option("--watch", is_flag=True, help="Keep looking, every two seconds, while a send is under way.")
@json_option
@pass_state
def status(state: State, issue: str | None, watch: bool) -> None:
    """Show how far each send has come, or that of one ISSUE.

    \b
    Example: newsletter status --watch
    """
    from newsletter.standing import standing

    services = state.services
    if watch and not state.json:
        for text in _looks(services, issue):
            click.clear()
            click.echo(text)
            services.sleep(2)
    rows = standing(services, issue)
    lines = [_line(campaign, each, each.candidates) for campaign, each in rows]
    state.result(
        {"campaigns": [describe_campaign(campaign, accounts) for campaign, accounts in rows]},
        "\n".join(lines) or "Nothing has been sent yet.",
    )


def _looks(services: "Services", issue: str | None) -> Iterator[str]:
    """Yield a line for each send again and again, while any is under way.

    What is over is counted once, and what is under way as ``delivery.progress`` counts it for onlookers.
    """
    from newsletter.delivery.progress import Meter
    from newsletter.reporting.accounting import accounts
    from newsletter.standing import sends

    over: dict[int, str] = {}
    meters: dict[int, Meter] = {}
    while True:
        lines = []
        found = sends(services, issue)
        for campaign in found:
            if campaign.is_open:
                over.pop(campaign.id, None)
                if campaign.id in meters:
                    meters[campaign.id].glance()
                else:
                    meters[campaign.id] = Meter(services.engine, campaign.id, services.clock)
                now = meters[campaign.id].show(rate=None)
                lines.append(_line(campaign, now, now.total))
            else:
                meters.pop(campaign.id, None)
                if campaign.id not in over:
                    each = accounts(services.engine, campaign.id)
                    over[campaign.id] = _line(campaign, each, each.candidates)
                lines.append(over[campaign.id])
        if not any(campaign.is_open for campaign in found):
            return
        yield "\n".join(lines)


def _line(campaign: "Campaign", now: "Accounts | Progress", people: int) -> str:
    """Return one send on a line."""
    return (
        f"{campaign.slug:40} {campaign.segment or 'everyone':16} {campaign.state:10} "
        f"{now.sent} of {people} sent"
        + (f", {now.uncertain} uncertain" if now.uncertain else "")
        + (f", {now.queued} to go" if now.queued else "")
        + (f" ({campaign.reason})" if campaign.reason else "")
    )


@click.command()
@click.argument("issue")
@json_option
@pass_state
def proof(state: State, issue: str) -> None:
    """Prove that everyone is accounted for: candidates = sent + failed + skipped + uncertain + queued.

    Exit 0 when the accounts balance and nothing is uncertain, 8 when deliveries are uncertain, 9 when
    the accounts do not balance.

    \b
    Example: newsletter proof 2026-11-individual-vs-group
    """
    from newsletter.standing import standing

    rows = standing(state.services, issue)
    state.result(
        {"campaigns": [describe_campaign(campaign, accounts) for campaign, accounts in rows]},
        "\n\n".join(
            f"{campaign.slug} to {campaign.segment or 'everyone'}: {campaign.state}\n"
            f"{describe_accounts(accounts)}"
            + (
                f"\n  Its rows were compacted on {campaign.compacted_at:%Y-%m-%d}: these are their sums."
                if campaign.compacted_at
                else ""
            )
            for campaign, accounts in rows
        ),
    )
    for _, accounts in rows:
        accounts.assert_settled()


COMMANDS = (status, proof)
