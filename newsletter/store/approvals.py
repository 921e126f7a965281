"""Which content was approved or tested, by hash: what ties "what I looked at" to "what goes"."""

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, and_, insert, select

from newsletter.store.tables import approvals

__all__ = ["Kind", "is_recorded", "latest_hash", "record_hash"]

Kind = Literal["approved", "tested"]


def record_hash(connection: Connection, slug: str, kind: Kind, content_hash: str, now: datetime) -> None:
    """Write down that the content with this hash was approved, or mailed as a test. Only ever added to."""
    connection.execute(insert(approvals).values(slug=slug, kind=kind, content_hash=content_hash, at=now))


def is_recorded(connection: Connection, slug: str, kind: Kind, content_hash: str) -> bool:
    """Return whether exactly this content of the issue was approved, or tested, at some time."""
    wanted = and_(
        approvals.c.slug == slug, approvals.c.kind == kind, approvals.c.content_hash == content_hash
    )
    return connection.execute(select(approvals.c.id).where(wanted).limit(1)).first() is not None


def latest_hash(connection: Connection, slug: str, kind: Kind) -> str | None:
    """Return the hash of what was last approved, or tested, of this issue; None if nothing was."""
    newest = (
        select(approvals.c.content_hash)
        .where(and_(approvals.c.slug == slug, approvals.c.kind == kind))
        .order_by(approvals.c.id.desc())
        .limit(1)
    )
    found: str | None = connection.execute(newest).scalar_one_or_none()
    return found
