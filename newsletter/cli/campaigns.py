"""``status`` and ``proof``: what became of a send."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, json_option, pass_state
from newsletter.cli.progress import describe_accounts, describe_campaign

if TYPE_CHECKING:
    from newsletter.reporting.accounting import Accounts
    from newsletter.store.campaigns import Campaign

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
    rows = standing(services, issue)
    while watch and not state.json and any(campaign.is_open for campaign, _ in rows):
        click.clear()
        click.echo(_table(rows))
        services.sleep(2)
        rows = standing(services, issue)
    state.result(
        {"campaigns": [describe_campaign(campaign, accounts) for campaign, accounts in rows]},
        _table(rows) or "Nothing has been sent yet.",
    )


def _table(rows: "Sequence[tuple[Campaign, Accounts]]") -> str:
    """Return a line for each send."""
    return "\n".join(
        f"{campaign.slug:40} {campaign.segment or 'everyone':16} {campaign.state:10} "
        f"{accounts.sent} of {accounts.candidates} sent"
        + (f", {accounts.uncertain} uncertain" if accounts.uncertain else "")
        + (f", {accounts.queued} to go" if accounts.queued else "")
        + (f" ({campaign.reason})" if campaign.reason else "")
        for campaign, accounts in rows
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
