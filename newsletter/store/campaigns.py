"""Campaigns: one issue sent once to one segment, with its content and its audience frozen.

    planning --> sending <--> paused        each arrow is a compare-and-set on the state, so that
        \\            |  \\______  |          any number of schedulers, workers and owners is safe
         `> paused    v        v  v
           cancelled  finished  cancelled

A cancelled campaign does not come back, but the issue may be sent anew: a new campaign skips whoever had it.
Frozen means: ``content`` never changes, and nobody whose id is above ``ceiling`` belongs.
"""

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, and_, bindparam, func, insert, literal, select, text, update
from sqlalchemy.exc import IntegrityError

from newsletter.errors import UsageError
from newsletter.model import CampaignState, CompiledIssue
from newsletter.store.content import pack, unpack
from newsletter.store.engine import reading
from newsletter.store.tables import Instant, campaigns, subscribers

__all__ = [
    "OPEN",
    "UNDER_WAY",
    "Campaign",
    "all_campaigns",
    "campaigns_of",
    "cancelled_in_flight",
    "create_campaign",
    "find_campaign",
    "finish",
    "frozen_issue",
    "get_campaign",
    "is_cancelled",
    "latest_campaign",
    "move",
    "refuse_compacted",
    "set_reason",
]

UNDER_WAY: Final = frozenset({CampaignState.PLANNING, CampaignState.SENDING})  #: and not held by anybody
#: The states of a campaign that is not over; one campaign an issue may be in them.
OPEN: Final = UNDER_WAY | {CampaignState.PAUSED}

_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """One campaign, without its content.

    key: opaque, 12 characters [a-z0-9]; names the campaign in tags and signed links. segment: a name or
    rule, "" for everyone. reason: why it is paused or waits. ceiling, planned_through: subscriber ids.
    candidates: people of the audience, counted from the subscribers and not from the delivery rows.
    compacted_at: since when its deliveries and events are known by their sums alone (``store.sums``).
    """

    id: int
    key: str
    slug: str
    segment: str
    state: CampaignState
    reason: str
    content_hash: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    ceiling: int
    planned_through: int
    candidates: int
    compacted_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.state in OPEN

    @property
    def planned(self) -> bool:
        """Whether the whole audience has its rows."""
        return self.planned_through >= self.ceiling


#: All that a Campaign says; ``content`` is megabytes of pictures.
_COLUMNS = [campaigns.c[name] for name in Campaign.__dataclass_fields__]


def create_campaign(connection: Connection, issue: CompiledIssue, *, segment: str, now: datetime) -> Campaign:
    """Make a campaign in state ``planning`` for everybody who is a subscriber now, and return it.

    Raises UsageError if another campaign of this issue is open, if the issue already went to the segment (a
    cancelled campaign does not stand in the way), or if nobody knows any more who had it.
    """
    if connection.dialect.name == "postgresql":
        # who compacts the issue meanwhile waits for us, or we for them: it writes the same rows
        mine = campaigns.c.slug == issue.slug
        connection.execute(update(campaigns).where(mine).values(reason=campaigns.c.reason))
    refuse_compacted(connection, issue.slug)
    ceiling = connection.execute(select(func.coalesce(func.max(subscribers.c.id), 0))).scalar_one()
    values = {
        "key": "".join(secrets.choice(_ALPHABET) for _ in range(12)),
        "slug": issue.slug,
        "segment": segment,
        "state": CampaignState.PLANNING.value,
        "content": pack(issue),
        "content_hash": issue.hash,
        "created_at": now,
        "ceiling": ceiling,
    }
    try:
        with connection.begin_nested():
            row = connection.execute(insert(campaigns).values(values).returning(*_COLUMNS)).one()
    except IntegrityError as error:
        raise _why_not(connection, issue.slug, segment) from error
    return _campaign(row)


def refuse_compacted(connection: Connection, slug: str) -> None:
    """Raise UsageError if the rows of an issue were compacted: nobody knows any more who had it."""
    mine = and_(campaigns.c.slug == slug, campaigns.c.compacted_at.is_not(None))
    for campaign in _all(connection, mine):
        raise UsageError(
            f"{slug} was sent long ago, and its deliveries were compacted on "
            f"{campaign.compacted_at:%Y-%m-%d}: nobody knows any more who had it.",
            hint="Nobody is mailed the same issue twice. To write to them again: newsletter new TITLE",
        )


def _why_not(connection: Connection, slug: str, segment: str) -> UsageError:
    """Say which of the two promises about campaigns a new one would break."""
    where = and_(campaigns.c.slug == slug, campaigns.c.state.in_([state.value for state in OPEN]))
    for other in _all(connection, where):
        return UsageError(
            f"A send of {slug} to {other.segment or 'everyone'} is not over yet: it is {other.state}.",
            hint=f"Let it end first: newsletter resume {slug}, or newsletter cancel {slug}",
        )
    return UsageError(
        f"{slug} was already sent to {segment or 'everyone'}.",
        hint="Nobody is mailed the same issue twice. To write to them again: newsletter new",
    )


def get_campaign(connection: Connection, campaign_id: int) -> Campaign:
    """Return a campaign by its row. Raises LookupError if there is none."""
    for campaign in _all(connection, campaigns.c.id == campaign_id):
        return campaign
    raise LookupError(f"no campaign {campaign_id}")


def find_campaign(connection: Connection, slug: str, segment: str) -> Campaign | None:
    """Return the campaign of an issue to a segment, or None; cancelled ones do not count."""
    stands = campaigns.c.state != CampaignState.CANCELLED.value
    found = _all(connection, and_(campaigns.c.slug == slug, campaigns.c.segment == segment, stands))
    return next(iter(found), None)


def latest_campaign(connection: Connection, slug: str) -> Campaign | None:
    """Return the newest campaign of an issue, whatever its segment, or None."""
    found = list(_all(connection, campaigns.c.slug == slug))
    return found[-1] if found else None


def frozen_issue(connection: Connection, campaign_id: int) -> CompiledIssue:
    """Return the issue as it was when the campaign was made. Raises LookupError if there is no campaign."""
    content = connection.execute(
        select(campaigns.c.content).where(campaigns.c.id == campaign_id)
    ).scalar_one_or_none()
    if content is None:
        raise LookupError(f"no campaign {campaign_id}")
    return unpack(content)


def all_campaigns(engine: Engine, slug: str | None = None) -> list[Campaign]:
    """Return all campaigns, or those of one issue, oldest first."""
    with reading(engine) as connection:
        return campaigns_of(connection, slug)


def campaigns_of(connection: Connection, slug: str | None) -> list[Campaign]:
    """Do as ``all_campaigns`` within a transaction."""
    return list(_all(connection, None if slug is None else campaigns.c.slug == slug))


def move(
    connection: Connection,
    campaign_id: int,
    *,
    to: CampaignState,
    since: Iterable[CampaignState],
    reason: str = "",
    now: datetime | None = None,
) -> bool:
    """Set the state if it is one of ``since`` (compare-and-set); return whether it was.

    now: written as the time of the start or of the end, where the new state is one.
    """
    values: dict[str, Any] = {"state": to.value, "reason": reason}
    values["finished_at"] = None if to in OPEN else now
    if to is CampaignState.SENDING and now is not None:
        values["started_at"] = func.coalesce(campaigns.c.started_at, literal(now, Instant))
    mine = and_(campaigns.c.id == campaign_id, campaigns.c.state.in_([state.value for state in since]))
    return connection.execute(update(campaigns).where(mine).values(values)).rowcount == 1


def finish(connection: Connection, campaign_id: int, now: datetime) -> bool:
    """Set a ``sending`` campaign to ``finished`` if nothing is queued or in flight; return whether."""
    done = connection.execute(
        text(
            """UPDATE campaigns SET state = 'finished', reason = '', finished_at = :now
            WHERE id = :id AND state = 'sending'
            AND NOT EXISTS (SELECT 1 FROM deliveries WHERE campaign_id = :id AND state = 'queued')
            AND NOT EXISTS (SELECT 1 FROM deliveries WHERE campaign_id = :id AND state = 'sending')"""
        ).bindparams(bindparam("now", type_=Instant)),
        {"id": campaign_id, "now": now},
    )
    return done.rowcount == 1


def is_cancelled(connection: Connection, campaign_id: int) -> bool:
    """Return whether a campaign was cancelled; on PostgreSQL nobody can cancel it until the commit."""
    query = select(campaigns.c.state).where(campaigns.c.id == campaign_id).with_for_update(read=True)
    return bool(connection.execute(query).scalar_one() == CampaignState.CANCELLED.value)


def cancelled_in_flight(connection: Connection, slug: str) -> list[int]:
    """Return the cancelled campaigns of an issue that still have deliveries in flight."""
    rows = connection.execute(
        text(
            """SELECT id FROM campaigns WHERE slug = :slug AND state = 'cancelled' AND EXISTS (
                SELECT 1 FROM deliveries
                WHERE deliveries.campaign_id = campaigns.id AND deliveries.state = 'sending')"""
        ),
        {"slug": slug},
    )
    return list(rows.scalars())


def set_reason(connection: Connection, campaign_id: int, reason: str) -> None:
    """Write why a campaign waits, without moving it. "" for: it does not."""
    connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(reason=reason))


def _all(connection: Connection, where: Any) -> Iterable[Campaign]:
    query = select(*_COLUMNS).order_by(campaigns.c.id)
    rows = connection.execute(query if where is None else query.where(where)).all()
    return [_campaign(row) for row in rows]


def _campaign(row: Row[Any]) -> Campaign:
    plain = dict(row._mapping)
    return Campaign(**{**plain, "state": CampaignState(plain["state"])})
