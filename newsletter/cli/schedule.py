"""``schedule``: when issues go."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.output import State, json_option, note, pass_state, show_findings

if TYPE_CHECKING:
    from newsletter.due.outlook import Outlook
    from newsletter.schedule.turns import NextSlot
    from newsletter.store.schedules import Appointment

__all__ = ["COMMANDS", "book_issue"]


@click.group()
def schedule() -> None:
    """Say when issues go: add, list, cancel. `newsletter run` sends them, or `newsletter send` from cron."""


@schedule.command()
@click.argument("issue")
@click.argument("when")
@click.option(
    "--segment", default=None, help="Who gets it: a name from [segments], or a rule such as tag:families."
)
@click.option("--dry-run", is_flag=True, help="Say what would be booked; change nothing.")
@json_option
@pass_state
def add(state: State, issue: str, when: str, segment: str | None, dry_run: bool) -> None:
    """Book ISSUE for a time: what is approved now, or was last approved before then, is what goes.

    WHEN is "2026-11-30 09:00" in the newsletter's time zone, or ISO with an offset. An issue that is not
    approved yet is checked and approved.

    \b
    Examples:
      newsletter schedule add 2026-12-winter-songs "2026-12-01 09:00"
      newsletter schedule add latest 2026-12-01T09:00+01:00 --segment families
    """
    book_issue(state, issue, when, segment, dry_run=dry_run)


def book_issue(state: State, issue: str, when: str, segment: str | None, *, dry_run: bool) -> None:
    """Book an issue, and say so."""
    from newsletter import pipeline, readying

    services = state.services
    booked = readying.book(services, issue, when, segment, dry_run=dry_run)
    ready = booked.ready
    show_findings(ready.findings)
    for remark in booked.remarks:
        note(remark)
    counts = pipeline.preview(services, ready)
    slug, whom = ready.issue.slug, ready.segment or "everyone"
    verb = "Would book" if dry_run else "Booked"
    readers = f"{counts.queued:,} reader{'s' if counts.queued != 1 else ''} as of now"
    state.result(
        {
            "issue": slug,
            "segment": ready.segment,
            "send_at": booked.when.instant.isoformat(),
            "wall": booked.when.wall,
            "hash": ready.issue.hash,
            "queued": counts.queued,
            "remarks": list(booked.remarks),
            "dry_run": dry_run,
        },
        f"{verb} {slug} for {booked.when.wall}, to {whom} ({readers})."
        + ("" if dry_run else f"\nTake it back: newsletter schedule cancel {slug}"),
    )


@schedule.command("list")
@json_option
@pass_state
def list_(state: State) -> None:
    """Show what is booked, what was missed, and what the slot comes to next.

    \b
    Example: newsletter schedule list
    """
    from newsletter.due.outlook import look

    outlook = look(state.services)
    state.result(outlook_data(outlook), _outlook_text(outlook))


@schedule.command()
@click.argument("issue")
@json_option
@pass_state
def cancel(state: State, issue: str) -> None:
    """Take back the booking of ISSUE. The slot leaves it alone, too, until you book or approve it again.

    \b
    Example: newsletter schedule cancel 2026-12-winter-songs
    """
    from newsletter.due.outlook import take_back

    taken = take_back(state.services, issue)
    state.result(
        _appointment(taken),
        f"{taken.slug} is not sent on schedule any more; no slot takes it either.\n"
        f"To let it go again: newsletter schedule add {taken.slug} WHEN, or newsletter approve {taken.slug}",
    )


def outlook_data(outlook: "Outlook") -> dict[str, Any]:
    """Return what is to come as one plain object, for ``--json``."""
    slot = outlook.slot
    return {
        "waiting": [_appointment(each) for each in outlook.waiting],
        "missed": [_appointment(each) for each in outlook.missed],
        "due": list(outlook.due),
        "under_way": dict(outlook.under_way),
        "slot": None
        if slot is None
        else {
            "slot": str(slot.slot),
            "date": slot.occurrence.date.isoformat(),
            "send_at": slot.occurrence.at.isoformat(),
            "wall": slot.occurrence.wall,
            "takes": slot.takes,
            "booked": slot.booked,
        },
    }


def _outlook_text(outlook: "Outlook") -> str:
    lines = [
        f"{each.slug:40} {each.segment or 'everyone':16} {each.wall}"
        + (f"  (slot {each.slot})" if each.slot else "")
        for each in outlook.waiting
    ]
    lines += [
        f"{each.slug:40} {each.segment or 'everyone':16} {each.wall}  MISSED: {each.reason}\n"
        f"    Send it now: newsletter send {each.slug}"
        for each in outlook.missed
    ]
    if outlook.slot is not None:
        lines += ["", *slot_lines(outlook.slot)] if lines else slot_lines(outlook.slot)
    return "\n".join(lines) or (
        "Nothing is booked, and there is no slot.\n"
        "Book an issue: newsletter schedule add ISSUE WHEN\n"
        'Or set slot under [schedule] in newsletter.toml, such as "first tuesday 09:00".'
    )


def slot_lines(slot: "NextSlot") -> list[str]:
    """Return in words when the slot comes next and what it would take."""
    if slot.booked:
        takes = f"you have booked or sent {slot.booked} on that day, so it takes nothing"
    elif slot.takes:
        takes = f"it would take {slot.takes}"
    else:
        takes = "no issue is approved for it yet (newsletter approve ISSUE)"
    lines = [f"The slot ({slot.slot}) comes next on {slot.occurrence.wall}: {takes}."]
    return [*lines, f"{slot.occurrence.remark}."] if slot.occurrence.remark else lines


def _appointment(appointment: "Appointment") -> dict[str, Any]:
    return {
        "issue": appointment.slug,
        "segment": appointment.segment,
        "send_at": appointment.send_at.isoformat(),
        "wall": appointment.wall,
        "slot": appointment.slot,
        "state": appointment.state,
        "reason": appointment.reason,
    }


COMMANDS = (schedule,)
