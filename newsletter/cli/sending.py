"""``send``: from an issue to mail in everybody's inbox, exactly once."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.output import State, confirm_readers, json_option, note, pass_state, show_findings
from newsletter.cli.progress import cool_off, graceful_stop, run_to_the_end
from newsletter.cli.schedule import book_issue, outlook_data, slot_lines
from newsletter.errors import InDoubt, UsageError

if TYPE_CHECKING:
    from newsletter.due.news import News
    from newsletter.due.outlook import Outlook
    from newsletter.readying import Ready
    from newsletter.store.campaigns import Campaign

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue", required=False)
@click.option(
    "--segment", default=None, help="Who gets it: a name from [segments], or a rule such as tag:families."
)
@click.option(
    "--test", "test", metavar="EMAIL", multiple=True, help="Mail it to this address only; repeatable."
)
@click.option("--at", metavar="WHEN", default=None, help="Book it for a time instead: schedule add.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for the number of readers.")
@json_option
@pass_state
def send(
    state: State,
    issue: str | None,
    segment: str | None,
    test: tuple[str, ...],
    at: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send ISSUE to every confirmed subscriber in a segment, once.

    Safe to repeat: whoever has this issue is not mailed again, and a stopped send goes on.

    Without ISSUE: send whatever is due now, as `newsletter run` would, and end; workers, where there are any,
    are left to send it. It never asks: it is for cron and timers.

    \b
    Examples:
      newsletter send 2026-11-individual-vs-group --test me@example.org
      newsletter send latest --dry-run
      newsletter send latest --segment families
      newsletter send latest --at "2026-12-01 09:00"
      newsletter send
    """
    if issue is None:
        if segment is not None or test or at is not None:
            raise UsageError(
                "Say which issue: --segment, --test and --at are about one.",
                hint="newsletter send latest, or newsletter send alone for what is due now.",
            )
        _send_due(state, dry_run=dry_run)
    elif at is not None:
        if test:
            raise UsageError("A test mail goes now, not at a time.", hint="Leave out --at or --test.")
        book_issue(state, issue, at, segment, dry_run=dry_run)
    elif test:
        _send_test(state, issue, segment, test)
    else:
        _send_issue(state, issue, segment, dry_run=dry_run, yes=yes)


def _send_test(state: State, issue: str, segment: str | None, test: tuple[str, ...]) -> None:
    from newsletter import readying, rehearsal

    services = state.services
    ready = readying.prepare(services, issue, segment)
    show_findings(ready.findings)
    ready.refuse_errors()
    sent = rehearsal.send_test(services, ready.issue, test)
    state.result(
        {"issue": ready.issue.slug, "test": True, "sent": sent, "hash": ready.issue.hash},
        f"Sent {ready.issue.slug} as a test to {sent} address(es).{services.where_mail_went()}",
    )


def _send_issue(state: State, issue: str, segment: str | None, *, dry_run: bool, yes: bool) -> None:
    from newsletter import pipeline, readying
    from newsletter.due.appointments import by_hand
    from newsletter.fleet.watching import given_to_workers

    services = state.services
    ready = readying.prepare_to_send(services, issue, segment)
    show_findings(ready.findings)
    ready.refuse_errors()
    if dry_run:
        counts = pipeline.preview(services, ready)
        state.result(
            {"issue": ready.issue.slug, "segment": ready.segment, "dry_run": True, **counts.as_dict()},
            f"Would send {ready.issue.slug} to {counts.queued} of {counts.candidates} people"
            + (f" ({counts.describe_skipped()} skipped)." if counts.skipped else "."),
        )
        return
    campaign = pipeline.existing_campaign(services, ready)
    if campaign is None:
        campaign = _begin(state, ready, yes=yes)
    else:
        if campaign.content_hash != ready.issue.hash:
            note("The issue was edited after its send began; what was frozen then is what goes.")
        campaign = pipeline.start(services, ready, also=given_to_workers(services, by_hand(services, ready)))
    run_to_the_end(state, campaign)


def _begin(state: State, ready: "Ready", *, yes: bool) -> "Campaign":
    """Say what is about to happen, ask, begin the send and wait a moment."""
    from newsletter import pipeline
    from newsletter.delivery.owners import this_process
    from newsletter.delivery.tending import keeping
    from newsletter.due.appointments import booked, by_hand
    from newsletter.due.backups import back_up_before
    from newsletter.fleet.watching import given_to_workers

    services = state.services
    for remark in ready.remarks:
        note(remark)
    if when := booked(services, ready):
        note(f"It is booked for {when}; it goes now instead.")
    counts = pipeline.preview(services, ready)
    if counts.queued:
        readers = f"{counts.queued:,} reader{'s' if counts.queued != 1 else ''}"
        expected = pipeline.expect(services, ready, counts.queued).in_words()
        words = [readers, *([expected] if expected else []), f"by {services.settings.sender.kind}"]
        note(f"{ready.issue.title}: {', '.join(words)}.")
        confirm_readers(counts.queued, yes=yes)
    else:
        note("Nobody would be mailed: there is no confirmed subscriber in this segment.")
    campaign = pipeline.start(services, ready, also=given_to_workers(services, by_hand(services, ready)))
    with keeping(services.engine, campaign.id, this_process(), services.clock):
        back_up_before(services, campaign, _warn)
    if counts.queued and not yes:
        cool_off(services, campaign)
    return campaign


def _send_due(state: State, *, dry_run: bool) -> None:
    from newsletter.due.outlook import look
    from newsletter.due.sending import send_due

    services = state.services
    outlook = look(services)
    if dry_run:
        due = [f"Would send {slug}." for slug in outlook.due]
        due += [f"Would go on with {slug} ({why})." for slug, why in outlook.under_way.items()]
        state.result({"dry_run": True, **outlook_data(outlook)}, "\n".join(due) or _nothing(outlook))
        return
    with graceful_stop() as stop:
        done = send_due(services, stop=stop.is_set, report=lambda news: note(news.text))
    sent = [slug for slug in done.issues if slug not in done.given]
    lines = [f"Done: {', '.join(sent)}.{services.where_mail_went()}"] if sent else []
    if done.given:
        lines.append(f"Given to the workers: {', '.join(done.given)}. See: newsletter status --watch")
    state.result(
        {
            "issues": list(done.issues),
            "given": list(done.given),
            "news": dict(done.counts),
            "uncertain": done.uncertain,
            "next_due": done.next_due and done.next_due.isoformat(),
        },
        "\n".join(lines) or _nothing(look(services)),
    )
    for error in done.errors:
        raise error
    if done.uncertain:
        raise InDoubt(
            f"{done.uncertain} deliveries are uncertain: nobody knows whether they left.",
            hint="They are not sent again by themselves. See: newsletter status",
        )


def _nothing(outlook: "Outlook") -> str:
    """Say that nothing is due, and what is next."""
    first = outlook.waiting[:1]
    booked = [f"{each.slug} is booked for {each.wall}." for each in first]
    return "\n".join(
        ["Nothing is due.", *booked, *(slot_lines(outlook.slot) if outlook.slot is not None else [])]
    )


def _warn(news: "News") -> None:
    if news.warning:
        note(news.text)


COMMANDS = (send,)
