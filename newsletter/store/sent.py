"""Which issues have gone out: what the archive shows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from newsletter.store.sums import stored
from newsletter.store.tables import Instant

__all__ = ["SentIssue", "sent_issues"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SentIssue:
    """An issue that went out. campaign: the newest one, whose content counts; at: when it was begun.

    first_at: when the issue's first campaign was begun.
    """

    slug: str
    campaign: int
    first_at: datetime
    at: datetime


_SENT = text(
    """SELECT id, slug, created_at, state = 'cancelled' AND compacted_at IS NOT NULL AS by_sums
    FROM campaigns WHERE state <> 'cancelled' OR compacted_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM deliveries
        WHERE deliveries.campaign_id = campaigns.id AND deliveries.state IN ('sent', 'sending', 'uncertain'))
    ORDER BY id"""
).columns(created_at=Instant)


def sent_issues(connection: Connection) -> list[SentIssue]:
    """Return each issue that was sent, or is being sent, once; in the order of their first sends.

    A send that was cancelled before anybody was mailed does not count.
    """
    found: dict[str, SentIssue] = {}
    for row in connection.execute(_SENT).all():
        if row.by_sums and not stored(connection, row.slug).of(row.id).tally.sent:
            continue
        first = found[row.slug].first_at if row.slug in found else row.created_at
        found[row.slug] = SentIssue(slug=row.slug, campaign=row.id, first_at=first, at=row.created_at)
    return sorted(found.values(), key=lambda issue: (issue.first_at, issue.slug))
