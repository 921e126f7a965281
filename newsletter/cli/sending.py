"""``send``: from an issue to mail in everybody's inbox, exactly once."""

import click

from newsletter.cli.output import State, confirm_readers, json_option, note, pass_state, show_findings
from newsletter.cli.progress import cool_off, run_to_the_end

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue")
@click.option(
    "--segment", default=None, help="Who gets it: a name from [segments], or a rule such as tag:families."
)
@click.option(
    "--test", "test", metavar="EMAIL", multiple=True, help="Mail it to this address only; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for the number of readers.")
@json_option
@pass_state
def send(
    state: State, issue: str, segment: str | None, test: tuple[str, ...], dry_run: bool, yes: bool
) -> None:
    """Send ISSUE to every confirmed subscriber in a segment, once.

    Safe to repeat: whoever has this issue is not mailed again, and a stopped send goes on.

    \b
    Examples:
      newsletter send 2026-11-individual-vs-group --test me@example.org
      newsletter send latest --dry-run
      newsletter send latest --segment families
    """
    from newsletter import pipeline, readying, rehearsal

    services = state.services
    prepare = readying.prepare if test else readying.prepare_to_send
    ready = prepare(services, issue, segment)
    show_findings(ready.findings)
    ready.refuse_errors()
    if test:
        sent = rehearsal.send_test(services, ready.issue, test)
        state.result(
            {"issue": ready.issue.slug, "test": True, "sent": sent, "hash": ready.issue.hash},
            f"Sent {ready.issue.slug} as a test to {sent} address(es).{services.where_mail_went()}",
        )
        return
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
        for remark in ready.remarks:
            note(remark)
        counts = pipeline.preview(services, ready)
        if counts.queued:
            readers = f"{counts.queued:,} reader{'s' if counts.queued != 1 else ''}"
            expected = pipeline.expect(services, ready, counts.queued).in_words()
            words = [readers, *([expected] if expected else []), f"by {services.settings.sender.kind}"]
            note(f"{ready.issue.title}: {', '.join(words)}.")
            confirm_readers(counts.queued, yes=yes)
        else:
            note("Nobody would be mailed: there is no confirmed subscriber in this segment.")
        campaign = pipeline.start(services, ready)
        if counts.queued and not yes:
            cool_off(services, campaign)
    else:
        if campaign.content_hash != ready.issue.hash:
            note("The issue was edited after its send began; what was frozen then is what goes.")
        campaign = pipeline.start(services, ready)
    run_to_the_end(state, campaign)


COMMANDS = (send,)
