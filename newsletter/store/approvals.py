"""What the owner approved and what she looked at as a test mail: what ties both to what goes.

An approval freezes the compiled issue and its segment; the newest one counts. A test mail leaves only
the hash of what it showed. Both are only ever added to.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, insert, select

from newsletter.model import CompiledIssue
from newsletter.store.content import pack, unpack
from newsletter.store.tables import approvals

__all__ = ["Approval", "approve", "approved", "record_test", "was_tested"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """An issue as it was approved. segment: whom it is for, "" for everyone."""

    issue: CompiledIssue
    segment: str
    at: datetime


def approve(connection: Connection, issue: CompiledIssue, segment: str, now: datetime) -> None:
    """Freeze the issue: from now on these bytes are what goes."""
    connection.execute(
        insert(approvals).values(
            slug=issue.slug,
            kind="approved",
            content_hash=issue.hash,
            content=pack(issue),
            segment=segment,
            at=now,
        )
    )


def approved(connection: Connection, slug: str) -> Approval | None:
    """Return what was approved last of this issue, or None."""
    row = connection.execute(
        select(approvals.c.content, approvals.c.segment, approvals.c.at)
        .where(and_(approvals.c.slug == slug, approvals.c.kind == "approved"))
        .order_by(approvals.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Approval(issue=unpack(row.content), segment=row.segment, at=row.at)


def record_test(connection: Connection, issue: CompiledIssue, now: datetime) -> None:
    """Write down that this content was mailed as a test."""
    connection.execute(
        insert(approvals).values(slug=issue.slug, kind="tested", content_hash=issue.hash, at=now)
    )


def was_tested(connection: Connection, issue: CompiledIssue) -> bool:
    """Return whether exactly this content was mailed as a test."""
    wanted = and_(
        approvals.c.slug == issue.slug,
        approvals.c.kind == "tested",
        approvals.c.content_hash == issue.hash,
    )
    return connection.execute(select(approvals.c.id).where(wanted).limit(1)).first() is not None
