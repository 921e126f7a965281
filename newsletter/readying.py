"""From an issue file to what may go: composed, checked, approved. Nothing here mails anybody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from newsletter.checks import preflight
from newsletter.compose.compiling import compile_issue
from newsletter.compose.issue_file import IssueFile, find_issue
from newsletter.errors import IssueError, NewsletterError, UsageError
from newsletter.model import CompiledIssue, Finding, Level
from newsletter.schedule import booking, turns
from newsletter.schedule.walls import When, read_when
from newsletter.store import approvals, schedules
from newsletter.store.engine import reading
from newsletter.wiring import Services

__all__ = ["Booked", "Ready", "approve", "book", "prepare", "prepare_to_send"]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """An issue that was composed and looked over.

    segment: a name, a rule, or "" for everyone. send_at: when its file wants it to go, None for no wish.
    remarks: what the owner should know before it goes.
    """

    issue: CompiledIssue
    findings: Sequence[Finding]
    segment: str
    send_at: When | None = None
    remarks: Sequence[str] = ()

    def refuse_errors(self) -> None:
        """Raise IssueError if a finding forbids sending."""
        errors = [finding for finding in self.findings if finding.level is Level.ERROR]
        if errors:
            raise IssueError(
                f"{self.issue.slug} cannot go: {len(errors)} error(s) found. Nothing was mailed.",
                hint=f"Mend them, then look again: newsletter check {self.issue.slug}",
            )


@dataclass(frozen=True, kw_only=True)
class Booked:
    """An issue and the time it was booked for. remarks: what the owner should know about it."""

    when: When
    ready: Ready
    remarks: Sequence[str]


def prepare(services: Services, reference: str, segment: str | None = None) -> Ready:
    """Return the named issue as its file is now. segment: None for the one in its front matter.

    Raises IssueError if it does not compile.
    """
    path = find_issue(services.workspace, reference)
    draft = preflight.draft_of(services.workspace, path, services.engine)
    chosen = draft.report.file.segment if segment is None else segment
    return Ready(
        issue=draft.issue,
        findings=preflight.findings(draft),
        segment=chosen or "",
        send_at=_send_at(services, draft.report.file),
    )


def approve(services: Services, ready: Ready) -> str:
    """Freeze the issue: what was approved is what goes, and at the time that its ``send_at`` names.

    Return what became of that time, in words; "" if there is nothing to say. Raises IssueError if a finding
    forbids it.
    """
    ready.refuse_errors()
    slug = ready.issue.slug
    with services.engine.begin() as connection:
        now = services.clock()
        approvals.approve(connection, ready.issue, ready.segment, now)
        turns.watch(connection, services.settings, now)
        said = [booking.follow_front_matter(connection, slug, ready.segment, ready.send_at, now)]
        slot = turns.next_slot(connection, services.settings, now)
        if slot is not None and slot.takes == slug:
            said.append(f"The slot takes it: it goes on {slot.occurrence.wall}, if nobody says otherwise.")
    return " ".join(filter(None, said))


def book(
    services: Services, reference: str, time: str, segment: str | None = None, *, dry_run: bool = False
) -> Booked:
    """Book an issue for a time. An issue that was never approved is approved by this. dry_run: only look.

    Raises UsageError if the time or the issue cannot be booked, IssueError if the issue cannot go.
    """
    when = read_when(time, ZoneInfo(services.settings.newsletter.timezone))
    slug = find_issue(services.workspace, reference).stem
    with reading(services.engine) as connection:
        approval = schedules.newest_approval(connection, slug)
    ready = prepare_to_send(services, reference, segment)
    ready.refuse_errors()
    remarks = [when.remark] if when.remark else []
    if approval is None:
        remarks.append(f"{slug} is approved with this: what it says now is what goes.")
    now = services.clock()
    if dry_run:
        with reading(services.engine) as connection:
            booking.refuse_booking(connection, slug, ready.segment, when, now)
    else:
        with services.engine.begin() as connection:
            if approval is None:
                approvals.approve(connection, ready.issue, ready.segment, now)
            turns.watch(connection, services.settings, now)
            booking.book(connection, slug, ready.segment, when, now)
    return Booked(when=when, ready=ready, remarks=[*remarks, *ready.remarks])


def prepare_to_send(services: Services, reference: str, segment: str | None = None) -> Ready:
    """Return what goes: the issue as it was approved, else as its file is now. Raises IssueError.

    Its remarks say so when the file was edited after the approval, and when this content was never tested.
    """
    slug = find_issue(services.workspace, reference).stem
    with reading(services.engine) as connection:
        approval = approvals.approved(connection, slug)
    remarks: list[str] = []
    if approval is None:
        ready = prepare(services, reference, segment)
    else:
        remarks += _edits(services, approval)
        chosen = approval.segment if segment is None else segment
        ready = Ready(issue=approval.issue, findings=(), segment=chosen)
    with reading(services.engine) as connection:
        if not approvals.was_tested(connection, ready.issue):
            remarks.append(f"This version was never sent as a test: newsletter send {slug} --test EMAIL")
    return replace(ready, remarks=remarks)


def _send_at(services: Services, file: IssueFile) -> When | None:
    """Return the time that an issue's front matter names. Raises IssueError at its line."""
    if not file.send_at:
        return None
    try:
        return read_when(file.send_at, ZoneInfo(services.settings.newsletter.timezone))
    except UsageError as error:
        line = file.key_lines.get("send_at")
        raise IssueError(f"send_at: {error}", hint=error.hint, file=file.file, line=line) from error


def _edits(services: Services, approval: approvals.Approval) -> list[str]:
    """Say in words whether the issue's file is still what was approved."""
    slug = approval.issue.slug
    when = f"{approval.at:%Y-%m-%d %H:%M} UTC"
    try:
        now = compile_issue(services.workspace, find_issue(services.workspace, slug))
    except NewsletterError as error:
        return [f"{slug} no longer compiles ({error}); what was approved on {when} is what goes."]
    if now.hash == approval.issue.hash:
        return []
    what = f"{slug} was edited after its approval on {when}; what was approved is what goes."
    return [f"{what} To send it as it is now: newsletter approve {slug}"]
