"""Looking an issue over before it goes: all families of checks, gravest findings first.

A draft that does not even compile has no findings: ``draft_of`` raises the IssueError. The one exception
is a merge field that nobody has: it compiles, and is an error here.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from newsletter.checks import fields, front_matter, leftovers, pictures, remarks, size, unsubscribe
from newsletter.compose.compiling import compile_with_report
from newsletter.compose.report import CompileReport
from newsletter.model import CompiledIssue, Finding, Level
from newsletter.settings import Workspace
from newsletter.store.engine import reading
from newsletter.store.subscribers import known_fields

__all__ = ["Draft", "draft_of", "findings"]

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
    where = draft.report.where
    found = [
        *front_matter.check(
            draft.report.file, postal_address=draft.workspace.settings.newsletter.postal_address
        ),
        *fields.check(draft.report.field_uses, draft.known_fields),
        *pictures.check(draft.report),
        *remarks.check(draft.report.warnings),
        *unsubscribe.check(draft.issue, where),
        *size.check(draft.issue, where),
        *leftovers.check(draft.issue, where),
    ]
    return sorted(found, key=lambda finding: _GRAVITY.index(finding.level))
