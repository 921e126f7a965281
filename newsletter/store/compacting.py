"""Removing the rows of old issues, while what they say stays: their sums.

    look -> count the sums, at one moment -> write them, with compacted_at -> empty: rows go,
                                             from then on readers take them   a chunk at a time

Decisions
- The sums are counted in a transaction that only reads, so that nobody waits for it. The one that writes them
  looks whether anything has changed meanwhile, and if so they are counted again.
- Whoever begins a send of the issue, or opens one again, writes or locks the rows of its campaigns first, as
  this does: of the two, one comes first, and the other sees it.
- Rows go by an index each, from where the last chunk ended: dead rows are not walked over again. Events and
  deliveries never in one transaction: ``forgetting.erase`` locks deliveries first, then events.
- A delivery to somebody who is not on the list any more (their import was undone) stays: it is all by which
  the unsubscribe link in their mail still knows them (store/leaving.py).
- On SQLite what is freed is overwritten (``forgetting.erasing``): a later "forget" must not leave it there.
"""

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, select, text, update
from sqlalchemy.sql.elements import TextClause

from newsletter.errors import NewsletterError
from newsletter.model import CampaignState, EventKind
from newsletter.store.campaigns import Campaign, campaigns_of
from newsletter.store.engine import reading
from newsletter.store.forgetting import erasing
from newsletter.store.schedules import waiting
from newsletter.store.sums import IssueSums, to_text
from newsletter.store.tables import campaigns, events, sums
from newsletter.store.tallies import open_deliveries, tally

__all__ = ["CHUNKS", "Old", "Rows", "compact", "empty", "half_emptied", "look"]

_CHUNK: Final = 10_000  #: rows a transaction
_TRIES: Final = 5

Count = Callable[[Connection, Sequence[Campaign]], IssueSums]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """How many rows of which kind."""

    deliveries: int = 0
    events: int = 0

    @property
    def total(self) -> int:
        """Both kinds."""
        return self.deliveries + self.events

    def __add__(self, other: "Rows") -> "Rows":
        return Rows(deliveries=self.deliveries + other.deliveries, events=self.events + other.events)


@dataclass(frozen=True, kw_only=True, slots=True)
class Old:
    """An issue that is old enough. why: it must keep its rows all the same, a sentence; "" if it need not.

    hint: what to do about that. campaigns: oldest first.
    """

    slug: str
    campaigns: Sequence[Campaign]
    rows: Rows = Rows()
    why: str = ""
    hint: str = ""


# -- looking ----------------------------------------------------------------------------------------


def look(connection: Connection, *, before: datetime, keep: int, asked_about: Mapping[str, str]) -> list[Old]:
    """Return the issues that were over before an instant and still have their rows, oldest first.

    keep: of the newest issues, so many keep them whatever their age. asked_about: by slug, whose segment asks
    who received it. Reads all rows of each: about a second for a million.
    """
    by_slug: dict[str, list[Campaign]] = {}
    for campaign in campaigns_of(connection, None):
        by_slug.setdefault(campaign.slug, []).append(campaign)
    newest = sorted(by_slug, key=lambda slug: (by_slug[slug][0].created_at, by_slug[slug][0].id))[-keep:]
    return [
        _examined(connection, slug, found, is_new=slug in newest, whose=asked_about.get(slug, ""))
        for slug, found in by_slug.items()
        if found[0].compacted_at is None and _over_since(found) < before
    ]


def _over_since(found: Sequence[Campaign]) -> datetime:
    return max(campaign.finished_at or campaign.created_at for campaign in found)


def _examined(
    connection: Connection, slug: str, found: Sequence[Campaign], *, is_new: bool, whose: str
) -> Old:
    why, hint = _obstacle(connection, slug, found)
    if not why and is_new:
        why = "it is one of the newest issues, which tell whose mailbox is full time after time"
    if not why and whose:
        why = f"{whose} asks who received it"
        hint = "Give those readers a tag, and let the rule ask for that."
    if why:
        return Old(slug=slug, campaigns=found, why=why, hint=hint)
    tallies = [tally(connection, campaign.id) for campaign in found]
    if [each.total for each in tallies] != [campaign.candidates for campaign in found]:
        why, hint = "its accounts do not balance", f"See: newsletter proof {slug}"
        return Old(slug=slug, campaigns=found, why=why, hint=hint)
    rows = Rows(deliveries=sum(each.total for each in tallies), events=_events_of(connection, found))
    return Old(slug=slug, campaigns=found, rows=rows)


def _obstacle(connection: Connection, slug: str, found: Sequence[Campaign]) -> tuple[str, str]:
    """Return why an issue is not over yet, and what to do about it; two empty texts if it is."""
    for campaign in found:
        if campaign.is_open:
            hint = f"End it: newsletter resume {slug}, or newsletter cancel {slug}"
            return f"a send of it is {campaign.state}", hint
        left = open_deliveries(connection, campaign.id)
        number = left.queued + left.sending + left.uncertain
        if number:
            hint = f"Settle them: newsletter resolve {slug} --from-events, or --assume-sent"
            return f"nobody knows whether {number:,} of its deliveries left", hint
    booked = waiting(connection, slug)
    if booked is not None:
        return f"it is booked for {booked.wall}", f"Take that back: newsletter schedule cancel {slug}"
    return "", ""


def _events_of(connection: Connection, found: Sequence[Campaign]) -> int:
    mine = events.c.campaign_id.in_([campaign.id for campaign in found])
    return connection.scalar(select(func.count()).select_from(events).where(mine)) or 0


def half_emptied(connection: Connection) -> dict[str, Rows]:
    """Return the issues whose sums are kept and whose rows are still going, with those that are left."""
    query = select(sums.c.slug).where(sums.c.emptied_at.is_(None)).order_by(sums.c.slug)
    found = {}
    for slug in connection.scalars(query):
        mine = campaigns_of(connection, slug)
        left = sum(tally(connection, campaign.id).total for campaign in mine)
        found[slug] = Rows(deliveries=left, events=_events_of(connection, mine))
    return found


# -- keeping the sums -------------------------------------------------------------------------------


def compact(engine: Engine, old: Old, *, count: Count, now: datetime) -> bool:
    """Let the sums of an issue stand for its rows from now on; return whether they did not already.

    old: as ``look`` gave it. count: returns the sums. The rows are still there: ``empty`` removes them.
    Raises NewsletterError if the issue is not over any more, or changes all the time.
    """
    slug = old.slug
    for _ in range(_TRIES):
        with reading(engine) as connection:
            found = campaigns_of(connection, slug)
            if found[0].compacted_at is not None:
                return False
            why, hint = _obstacle(connection, slug, found)
            if why or found != old.campaigns:
                why = why or "it was sent again just now"
                raise NewsletterError(f"{slug} keeps its rows: {why}.", hint=hint or "Repeat the command.")
            newest = connection.scalar(select(func.max(events.c.id))) or 0
            figures = count(connection, found)
        with engine.connect() as connection:
            if _put(connection, found, newest, to_text(figures), now):
                connection.commit()
                return True
    raise NewsletterError(
        f"{slug} was changed again and again while its sums were counted.",
        hint="Nothing of it was removed. Repeat the command later.",
    )


def _put(connection: Connection, found: Sequence[Campaign], newest: int, figures: str, now: datetime) -> bool:
    """Write the sums, unless anything has changed since they were counted; return whether it had not."""
    slug = found[0].slug
    over = (CampaignState.FINISHED.value, CampaignState.CANCELLED.value)
    connection.execute(
        update(campaigns)
        .where(campaigns.c.slug == slug, campaigns.c.compacted_at.is_(None), campaigns.c.state.in_(over))
        .values(compacted_at=now)
    )
    # by the next statement, which sees what was committed while that one waited
    if campaigns_of(connection, slug) != [replace(campaign, compacted_at=now) for campaign in found]:
        return False
    numbers = [campaign.id for campaign in found]
    later = select(events.c.id).where(events.c.id > newest, events.c.campaign_id.in_(numbers)).limit(1)
    if connection.scalar(later) is not None or waiting(connection, slug) is not None:
        return False
    connection.execute(insert(sums).values(slug=slug, at=now, figures=figures))
    return True


# -- removing the rows ------------------------------------------------------------------------------

#: What a chunk removes, from the place where the one before ended (:since): events of one kind about
#: deliveries, events about none, deliveries.
_CHUNKS: Final = (
    """DELETE FROM events WHERE id {among} (
        SELECT id FROM events WHERE campaign_id = :campaign AND kind = :kind AND delivery_id >= :since
        ORDER BY delivery_id LIMIT :chunk){end} RETURNING delivery_id AS place""",
    """DELETE FROM events WHERE id {among} (
        SELECT id FROM events WHERE campaign_id = :campaign AND kind = :kind AND delivery_id IS NULL
        LIMIT :chunk){end} RETURNING CAST(:since AS INTEGER) AS place""",
    """DELETE FROM deliveries WHERE id {among} (
        SELECT id FROM deliveries WHERE campaign_id = :campaign AND subscriber_id >= :since
            AND NOT (state = 'sent' AND email_key LIKE '%@%' AND NOT EXISTS (
                SELECT 1 FROM subscribers WHERE subscribers.id = deliveries.subscriber_id))
        ORDER BY subscriber_id LIMIT :chunk){end} RETURNING subscriber_id AS place""",
)

#: The same for each database: for an IN of thousands, PostgreSQL may read the whole table; an array of them
#: it looks up one by one.
CHUNKS: Final[Mapping[str, Sequence[TextClause]]] = {
    dialect: [text(statement.format(among=among, end=end)) for statement in _CHUNKS]
    for dialect, among, end in (("sqlite", "IN", ""), ("postgresql", "= ANY (ARRAY", ")"))
}


def empty(
    engine: Engine, slug: str, *, now: datetime, pause: Callable[[], None] = lambda: None, chunk: int = _CHUNK
) -> Generator[Rows, None, None]:
    """Remove the rows of an issue whose sums are kept; yields what each transaction removed.

    Whoever is killed meanwhile leaves whole transactions only, and the next call goes on. pause: called after
    each, so that others may write. chunk: rows a transaction.
    """
    with reading(engine) as connection:
        numbers = [each.id for each in campaigns_of(connection, slug) if each.compacted_at is not None]
    about_somebody, about_nobody, deliveries = CHUNKS[engine.dialect.name]
    with erasing(engine) as connection:
        for campaign in numbers:
            for kind, statement in itertools.product(EventKind, (about_somebody, about_nobody)):
                mine = {"campaign": campaign, "kind": kind.value, "chunk": chunk}
                for gone in _removed(connection, statement, mine):
                    yield Rows(events=gone)
                    pause()
            for gone in _removed(connection, deliveries, {"campaign": campaign, "chunk": chunk}):
                yield Rows(deliveries=gone)
                pause()
        ours = sums.c.slug == slug
        connection.execute(update(sums).where(ours, sums.c.emptied_at.is_(None)).values(emptied_at=now))
        connection.commit()


def _removed(connection: Connection, statement: TextClause, values: Mapping[str, Any]) -> Iterator[int]:
    """Run a statement that removes a chunk again and again, from where it ended; yield how many rows each."""
    since = 0
    while True:
        if connection.dialect.name == "postgresql":  # two at once would wait for each other's rows
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("newsletter.compact"))))
        places = connection.execute(statement, {**values, "since": since}).scalars().all()
        connection.commit()
        if places:
            yield len(places)
        if len(places) < values["chunk"]:
            return
        since = max(places)
