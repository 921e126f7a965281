"""From an issue file to what may go: composed, checked, approved. Nothing here mails anybody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from newsletter.checks import preflight
from newsletter.compose.compiling import compile_issue
from newsletter.compose.issue_file import find_issue
from newsletter.errors import IssueError, NewsletterError
from newsletter.model import CompiledIssue, Finding, Level
from newsletter.store import approvals
from newsletter.store.engine import reading
from newsletter.wiring import Services

__all__ = ["Ready", "approve", "prepare", "prepare_to_send"]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """An issue that was composed and looked over.

    segment: a name, a rule, or "" for everyone. remarks: what the owner should know before it goes.
    """

    issue: CompiledIssue
    findings: Sequence[Finding]
    segment: str
    remarks: Sequence[str] = ()

    def refuse_errors(self) -> None:
        """Raise IssueError if a finding forbids sending."""
        errors = [finding for finding in self.findings if finding.level is Level.ERROR]
        if errors:
            raise IssueError(
                f"{self.issue.slug} cannot go: {len(errors)} error(s) found. Nothing was mailed.",
                hint=f"Mend them, then look again: newsletter check {self.issue.slug}",
            )


def prepare(services: Services, reference: str, segment: str | None = None) -> Ready:
    """Return the named issue as its file is now. segment: None for the one in its front matter.

    Raises IssueError if it does not compile.
    """
    path = find_issue(services.workspace, reference)
    draft = preflight.draft_of(services.workspace, path, services.engine)
    chosen = draft.report.file.segment if segment is None else segment
    return Ready(issue=draft.issue, findings=preflight.findings(draft), segment=chosen or "")


def approve(services: Services, ready: Ready) -> None:
    """Freeze the issue: what was approved is what goes. Raises IssueError if a finding forbids it."""
    ready.refuse_errors()
    with services.engine.begin() as connection:
        approvals.approve(connection, ready.issue, ready.segment, services.clock())


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
