"""Looking an issue over before it goes: all families of checks, gravest findings first.

A draft that does not even compile has no findings: ``draft_of`` raises the IssueError. The one exception
is a merge field that nobody has: it compiles, and is an error here. docs/checks.md has a row for each rule.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from newsletter.checks import (
    active,
    clients,
    contrast,
    dark_mode,
    fields,
    front_matter,
    headings,
    language,
    last_issue,
    leftovers,
    links,
    online,
    pictures,
    remarks,
    size,
    unsubscribe,
    weights,
)
from newsletter.checks.fetching import AllowAddress, is_public
from newsletter.checks.page import read_page
from newsletter.checks.places import Places
from newsletter.compose.compiling import compile_with_report
from newsletter.compose.report import CompileReport
from newsletter.model import CompiledIssue, Finding, Level
from newsletter.settings import Workspace
from newsletter.store.engine import reading
from newsletter.store.subscribers import known_fields

__all__ = ["Draft", "draft_of", "findings", "in_order", "online_findings"]

_GRAVITY = (Level.ERROR, Level.WARNING, Level.NOTE)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What the checks look at. known_fields: the subscriber fields that somebody may have."""

    workspace: Workspace
    issue: CompiledIssue
    report: CompileReport
    known_fields: Collection[str]


def draft_of(workspace: Workspace, path: Path, engine: Engine) -> Draft:
    """Return the issue, compiled, with what the checks need. Raises IssueError if it does not compile."""
    issue, report = compile_with_report(workspace, path)
    with reading(engine) as connection:
        known = known_fields(connection)
    return Draft(workspace=workspace, issue=issue, report=report, known_fields=known)


def findings(draft: Draft) -> list[Finding]:
    """Return what all checks found, errors first; inside a level in the order of the families."""
    issue, report, settings = draft.issue, draft.report, draft.workspace.settings
    news = settings.newsletter
    page, places = read_page(issue), Places(report.file)
    earlier = last_issue.earlier_issues(draft.workspace, report.file)
    return in_order(
        [
            *front_matter.check(
                issue, places, postal_address=news.postal_address, zone=ZoneInfo(news.timezone)
            ),
            *last_issue.check(places, earlier, issue.language),
            *language.check(page, places),
            *fields.check(report.field_uses, draft.known_fields),
            *leftovers.check(issue, places),
            *links.check(page, places),
            *active.check(page, places),
            *headings.check(page, places),
            *contrast.check(page, places),
            *pictures.check(report),
            *weights.check(issue, report, page),
            *remarks.check(report.warnings),
            *unsubscribe.check(issue, report.file.template),
            *size.check(issue, report.where, settings.tracking),
            *dark_mode.check(issue, report, page),
            *clients.check(places, report.pictures),
        ]
    )


def online_findings(draft: Draft, *, allow_address: AllowAddress = is_public) -> list[Finding]:
    """Return what is wrong with the issue's web addresses. Takes seconds; connects to strangers' servers.

    allow_address: which numbers may be connected to.
    """
    return in_order(online.check(draft.report, allow_address=allow_address))


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Return findings, gravest first; those of one level keep their order."""
    return sorted(found, key=lambda finding: _GRAVITY.index(finding.level))
