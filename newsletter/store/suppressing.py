"""Never mailing an address again: by what the provider reports, and what its own list says.

    pending, confirmed --bounce--> bounced --complaint--> complained     unsubscribed stays so after a bounce

The weightier reason wins whatever comes first: complaint over owner and bounce. Nothing here makes an address
mailable again.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, func, insert, select, update

from newsletter.model import EventKind, SubscriberStatus
from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import campaigns, consent_events, deliveries, events, subscribers, suppressions

__all__ = ["Reason", "soft_runs", "suppress", "to_tell"]

Reason = Literal["bounce", "complaint"]

_STATUS: Final = {"bounce": SubscriberStatus.BOUNCED, "complaint": SubscriberStatus.COMPLAINED}


def suppress(
    connection: Connection, key: str, reason: Reason, *, detail: str, how: str, now: datetime
) -> bool:
    """Suppress an email_key, and mark the subscriber who has it; return whether that was news.

    how: for the proof of consent, such as "ses". detail: in words, no address. A hash of somebody forgotten
    is suppressed already.
    """
    if "@" not in key:
        return False
    row = connection.execute(
        insert_or_ignore(connection, suppressions)
        .values(email_key=key, reason=reason, at=now, detail=detail)
        .returning(suppressions.c.reason)
    ).first()
    news = row is not None
    if row is None and reason == "complaint":
        weightier = (
            update(suppressions)
            .where(suppressions.c.email_key == key, suppressions.c.reason != "complaint")
            .values(reason=reason, at=now, detail=detail)
        )
        news = connection.execute(weightier).rowcount == 1
    return _mark(connection, key, reason, detail, how, now) or news


def _mark(connection: Connection, key: str, reason: Reason, detail: str, how: str, now: datetime) -> bool:
    """Change the status of who has the address, unless theirs weighs more; return whether it was changed."""
    lighter = (
        subscribers.c.status.in_([SubscriberStatus.PENDING.value, SubscriberStatus.CONFIRMED.value])
        if reason == "bounce"
        else subscribers.c.status != SubscriberStatus.COMPLAINED.value
    )
    status = _STATUS[reason]
    number = connection.scalar(
        update(subscribers)
        .where(subscribers.c.email_key == key, lighter)
        .values(status=status.value, updated_at=now)
        .returning(subscribers.c.id)
    )
    if number is None:
        return False
    connection.execute(
        insert(consent_events).values(subscriber_id=number, kind=status.value, at=now, how=how, source=detail)
    )
    return True


def soft_runs(connection: Connection, keys: Sequence[str], length: int) -> dict[str, list[str]]:
    """Return who bounced softly in each of the last ``length`` campaigns that went to them, and how.

    By email_key: the detail of a soft bounce of each of these campaigns, newest first. A campaign that
    reached them, or of which nothing is reported, ends a run. Of one that was compacted nobody knows whom it
    reached: only what came after it counts.
    """
    soft = (
        events.c.kind == EventKind.BOUNCE.value,
        events.c.bounce == "soft",
        events.c.campaign_id.is_not(None),
    )
    often = (
        select(events.c.email_key)
        .where(events.c.email_key.in_(keys), *soft)
        .group_by(events.c.email_key)
        .having(func.count(events.c.campaign_id.distinct()) >= length)
    )
    suspects = connection.scalars(often).all() if keys else []
    if not suspects:
        return {}
    details = {
        (key, campaign): detail
        for key, campaign, detail in connection.execute(
            select(events.c.email_key, events.c.campaign_id, events.c.detail).where(
                events.c.email_key.in_(suspects), *soft
            )
        )
    }
    unknown = select(func.coalesce(func.max(campaigns.c.id), 0)).where(campaigns.c.compacted_at.is_not(None))
    went = (
        select(deliveries.c.email_key, deliveries.c.campaign_id)
        .join_from(campaigns, deliveries, deliveries.c.campaign_id == campaigns.c.id)
        # not yet recorded, or nobody knows: the bounce tells that it went
        .where(
            deliveries.c.email_key.in_(suspects),
            deliveries.c.state.in_(["sent", "sending", "uncertain"]),
            campaigns.c.id > unknown.scalar_subquery(),
        )
        .order_by(deliveries.c.campaign_id.desc())
    )
    latest: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key, campaign in connection.execute(went):
        latest[key].append((key, campaign))
    return {
        key: [details[place] for place in places[:length]]
        for key, places in latest.items()
        if len(places) >= length and all(place in details for place in places[:length])
    }


def to_tell(
    connection: Connection, since: datetime | None, limit: int, *, except_detail: str
) -> list[tuple[str, Reason, datetime]]:
    """Return addresses suppressed since then for a bounce or a complaint, oldest first: key, reason, when.

    About ``limit`` of them, but always all of one moment. except_detail: those with this detail are left out.
    """
    ours = [
        suppressions.c.reason.in_(["bounce", "complaint"]),
        suppressions.c.detail != except_detail,
    ]
    if since is not None:
        ours.append(suppressions.c.at > since)
    columns = (suppressions.c.email_key, suppressions.c.reason, suppressions.c.at)
    some = connection.execute(select(*columns).where(*ours).order_by(suppressions.c.at).limit(limit)).all()
    if len(some) == limit:
        until = suppressions.c.at <= some[-1].at
        some = connection.execute(select(*columns).where(*ours, until).order_by(suppressions.c.at)).all()
    return [(row.email_key, row.reason, row.at) for row in some]
