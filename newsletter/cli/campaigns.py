"""``status``, ``proof`` and ``resolve``: what became of a send."""

import click

from newsletter.cli.output import State, json_option, pass_state
from newsletter.cli.progress import describe_accounts, describe_campaign

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue", required=False)
@json_option
@pass_state
def status(state: State, issue: str | None) -> None:
    """Show how far each send has come, or that of one ISSUE.

    \b
    Example: newsletter status
    """
    from newsletter.standing import standing

    services = state.services
    rows = standing(services, issue)
    lines = [
        f"{campaign.slug:40} {campaign.segment or 'everyone':16} {campaign.state:10} "
        f"{accounts.sent} of {accounts.candidates} sent"
        + (f", {accounts.uncertain} uncertain" if accounts.uncertain else "")
        + (f", {accounts.queued} to go" if accounts.queued else "")
        + (f" ({campaign.reason})" if campaign.reason else "")
        for campaign, accounts in rows
    ]
    state.result(
        {"campaigns": [describe_campaign(campaign, accounts) for campaign, accounts in rows]},
        "\n".join(lines) or "Nothing has been sent yet.",
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
            for campaign, accounts in rows
        ),
    )
    for _, accounts in rows:
        accounts.assert_settled()


@click.command()
@click.argument("issue")
@click.option("--assume-sent", "word", flag_value="assume-sent", help="Count the uncertain ones as sent.")
@click.option("--resend", "word", flag_value="resend", help="Queue them again; some may get it twice.")
@json_option
@pass_state
def resolve(state: State, issue: str, word: str | None) -> None:
    """Settle deliveries of ISSUE whose outcome nobody knows, on the owner's word.

    \b
    Example: newsletter resolve 2026-11-individual-vs-group --assume-sent
    """
    from newsletter.errors import UsageError
    from newsletter.standing import resolve as settle

    if word is None:
        raise UsageError(
            "Say what to assume: --assume-sent or --resend.",
            hint="With --assume-sent nobody gets it twice; with --resend nobody is missed.",
        )
    settled = settle(state.services, issue, resend=word == "resend")
    state.result(
        {"issue": issue, "settled": settled, "as": word},
        f"{settled} uncertain deliveries settled ({word})."
        + (f" Send them now: newsletter resume {issue}" if word == "resend" and settled else ""),
    )


COMMANDS = (status, proof, resolve)
