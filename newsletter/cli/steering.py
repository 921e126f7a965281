"""``pause``, ``resume``, ``cancel``, ``resolve`` and ``catch-up``: the owner's hand on a send."""

import click

from newsletter.cli.output import State, confirm_readers, json_option, note, pass_state
from newsletter.cli.progress import run_to_the_end

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue")
@json_option
@pass_state
def pause(state: State, issue: str) -> None:
    """Pause the send of ISSUE, wherever it runs; the call in flight finishes.

    \b
    Example: newsletter pause latest
    """
    from newsletter.delivery import steering
    from newsletter.standing import newest

    campaign = steering.pause(state.services.engine, newest(state.services, issue).id, reason="by the owner")
    state.result(
        {"issue": campaign.slug, "state": campaign.state},
        f"{campaign.slug} is {campaign.state}. Go on: newsletter resume {campaign.slug}",
    )


@click.command()
@click.argument("issue")
@json_option
@pass_state
def resume(state: State, issue: str) -> None:
    """Go on with the send of ISSUE that was stopped, paused or killed.

    \b
    Example: newsletter resume 2026-11-individual-vs-group
    """
    from newsletter import pipeline

    run_to_the_end(state, pipeline.resume(state.services, issue))


@click.command()
@click.argument("issue")
@click.option("--dry-run", is_flag=True, help="Say how many would not be mailed; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for the number of readers.")
@json_option
@pass_state
def cancel(state: State, issue: str, dry_run: bool, yes: bool) -> None:
    """Give the send of ISSUE up: whoever is still queued is not mailed. What has left cannot be called back.

    \b
    Example: newsletter cancel latest
    """
    from newsletter.delivery import steering
    from newsletter.standing import newest
    from newsletter.store.engine import reading
    from newsletter.store.tallies import open_deliveries

    services = state.services
    campaign = newest(services, issue)
    with reading(services.engine) as connection:
        queued = open_deliveries(connection, campaign.id).queued
    if dry_run:
        state.result(
            {"issue": campaign.slug, "dry_run": True, "queued": queued},
            f"Would cancel {campaign.slug}: {queued} people would not be mailed.",
        )
        return
    note(f"{queued} people have not been mailed yet, and will not be.")
    confirm_readers(queued, yes=yes, to="cancel")
    skipped = steering.cancel(services.engine, campaign.id, clock=services.clock)
    state.result(
        {"issue": campaign.slug, "skipped": skipped},
        f"{campaign.slug} is cancelled; {skipped} people were not mailed.",
    )


@click.command()
@click.argument("issue")
@click.option("--assume-sent", "word", flag_value="assume-sent", help="Count the uncertain ones as sent.")
@click.option("--resend", "word", flag_value="resend", help="Queue them again; some may get it twice.")
@click.option(
    "--from-events", "word", flag_value="from-events", help="Count those as sent that the provider reported."
)
@json_option
@pass_state
def resolve(state: State, issue: str, word: str | None) -> None:
    """Settle deliveries of ISSUE whose outcome nobody knows: by the provider's events, or on your word.

    With --from-events, exit 8 says that some are still uncertain.

    \b
    Examples:
      newsletter resolve 2026-11-individual-vs-group --from-events
      newsletter resolve 2026-11-individual-vs-group --assume-sent
    """
    from newsletter import standing
    from newsletter.errors import UsageError

    if word is None:
        raise UsageError(
            "Say what to go by: --from-events, --assume-sent or --resend.",
            hint="--from-events guesses nothing. With --assume-sent nobody gets it twice; with --resend "
            "nobody is missed.",
        )
    if word == "from-events":
        settled = standing.resolve_from_events(state.services, issue)
        rows = standing.standing(state.services, issue)
        left = sum(accounts.uncertain for _, accounts in rows)
        state.result(
            {"issue": issue, "settled": settled, "as": word, "uncertain": left},
            f"{settled} uncertain deliveries were sent, as the provider reported; {left} remain uncertain.",
        )
        for _, accounts in rows:
            accounts.assert_settled()
        return
    settled = standing.resolve(state.services, issue, resend=word == "resend")
    state.result(
        {"issue": issue, "settled": settled, "as": word},
        f"{settled} uncertain deliveries settled ({word})."
        + (f" Send them now: newsletter resume {issue}" if word == "resend" and settled else ""),
    )


@click.command("catch-up")
@click.argument("issue")
@click.option("--joined", is_flag=True, help="Also mail everybody who subscribed since the send.")
@click.option("--dry-run", is_flag=True, help="Say how many would be mailed; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for the number of readers.")
@json_option
@pass_state
def catch_up(state: State, issue: str, joined: bool, dry_run: bool, yes: bool) -> None:
    """Send ISSUE to those who did not get it and may be mailed now: refused, or confirmed only since.

    Whoever got it, or may have got it, is not mailed.

    \b
    Example: newsletter catch-up 2026-11-individual-vs-group --joined
    """
    from newsletter import pipeline

    services = state.services
    campaign, missing = pipeline.missing(services, issue, joined=joined)
    people = "1 person" if missing == 1 else f"{missing} people"
    whom = f"{people} did not get {campaign.slug} and may be mailed now."
    if dry_run or not missing:
        state.result({"issue": campaign.slug, "dry_run": dry_run, "missing": missing}, whom)
        return
    note(whom)
    confirm_readers(missing, yes=yes)
    run_to_the_end(state, pipeline.catch_up(services, campaign, joined=joined))


COMMANDS = (pause, resume, cancel, resolve, catch_up)
