"""Opening a finished campaign again for those who did not get it; nobody who may have it is touched.

failed  --------------------------------------------> queued     they may have been mended since
skipped (pending, unsubscribed, bounced, ...) ------> queued     if they may be mailed now
subscribers above the old ceiling ------------------> planned    only when the owner wants them too
"""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text, update

from newsletter.model import CampaignState
from newsletter.store.campaigns import Campaign, refuse_compacted
from newsletter.store.deliveries import WHY_NOT
from newsletter.store.received import refuse_unknowable
from newsletter.store.tables import Instant, campaigns, subscribers

__all__ = ["count_missing", "reopen"]

#: Why somebody was skipped, where that may have changed. Not: cancelled, already-had-it, forgotten.
_MAY_CHANGE: Final = (
    "'pending', 'unsubscribed', 'bounced', 'complained', 'suppressed', 'unsendable', 'paused'"
)

_MISSED = f"""campaign_id = :campaign_id
        AND (state = 'failed' OR (state = 'skipped' AND reason IN ({_MAY_CHANGE})))
        AND EXISTS (
            SELECT 1 FROM subscribers
            WHERE subscribers.id = deliveries.subscriber_id
                AND subscribers.email_key = deliveries.email_key AND ({WHY_NOT}) = ''
        )
        AND NOT EXISTS (
            SELECT 1 FROM deliveries AS other
            JOIN campaigns AS theirs ON theirs.id = other.campaign_id
            JOIN campaigns AS ours ON ours.id = :campaign_id AND ours.slug = theirs.slug
            WHERE other.email_key = deliveries.email_key AND other.campaign_id <> :campaign_id
                AND other.state NOT IN ('failed', 'skipped')
        )"""  # noqa: S608  (built from constants)

_REQUEUE = text(
    f"""UPDATE deliveries SET state = 'queued', reason = '', attempt = 0, call_id = NULL, claimed_by = NULL,
        not_before = NULL, updated_at = :now
    WHERE {_MISSED}"""  # noqa: S608  (built from constants)
).bindparams(bindparam("now", type_=Instant))

_COUNT = text(f"SELECT count(*) FROM deliveries WHERE {_MISSED}")  # noqa: S608  (built from constants)


def count_missing(connection: Connection, campaign: Campaign, joined: ColumnElement[bool] | None) -> int:
    """Return how many ``reopen`` would bring back, and how many confirmed ones joined since.

    joined: the audience, or None to leave out who joined. Raises UsageError if nobody knows any more whom the
    campaign reached.
    """
    refuse_compacted(connection, campaign.slug)
    found: int = connection.execute(_COUNT, {"campaign_id": campaign.id}).scalar_one()
    if joined is None:
        return found
    refuse_unknowable(connection, joined)
    new = select(func.count()).where(subscribers.c.id > campaign.ceiling, joined, text(f"({WHY_NOT}) = ''"))
    return found + connection.execute(new.select_from(subscribers)).scalar_one()


def reopen(connection: Connection, campaign_id: int, *, joined: bool, now: datetime) -> int:
    """Queue whoever missed a finished campaign and may be mailed now; return how many that are.

    joined: also everybody who subscribed since; they are counted when they are planned. The campaign is
    ``planning`` afterwards if there is anything to do, and unchanged if not. Raises IntegrityError if
    another campaign of the issue is open; UsageError if nobody knows any more whom the campaign reached.
    """
    mine = campaigns.c.id == campaign_id
    # the row is locked first: who compacts the issue writes it, too
    slug = connection.execute(select(campaigns.c.slug).where(mine).with_for_update()).scalar_one()
    refuse_compacted(connection, slug)
    queued = connection.execute(_REQUEUE, {"campaign_id": campaign_id, "now": now}).rowcount
    newest = connection.execute(select(func.coalesce(func.max(subscribers.c.id), 0))).scalar_one()
    if joined:
        connection.execute(update(campaigns).where(mine, campaigns.c.ceiling < newest).values(ceiling=newest))
    more = connection.execute(
        select(campaigns.c.ceiling > campaigns.c.planned_through).where(mine)
    ).scalar_one()
    if queued or more:
        connection.execute(
            update(campaigns)
            .where(mine, campaigns.c.state == CampaignState.FINISHED.value)
            .values(state=CampaignState.PLANNING.value, finished_at=None, reason="")
        )
    return queued
