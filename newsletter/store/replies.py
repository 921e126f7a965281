"""Replies under the issues: they wait until the owner approves them; a deleted one leaves nothing.

    write -> waiting -> approved (shown)      delete, ban: gone, wherever it stood

Whoever is banned is known by keyed hashes: of the address or the subscriber for ever, of the network they
wrote from for a while, because other people live there, too.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, text, update

from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import replies, reply_bans

__all__ = [
    "MOST_WAITING",
    "Draft",
    "Reply",
    "approve",
    "approved",
    "ban",
    "erase_replies",
    "find",
    "is_banned",
    "listed",
    "remove",
    "state_of_approved",
    "write",
]

MOST_WAITING: Final = 1000  #: more than that nobody reads; whoever fills the queue must not fill the disk
_NETWORK_BANNED: Final = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A reply before it is kept. body: plain text. subscriber_id: None for a stranger.

    sender, network: keyed hashes of at most 64 characters, "" for unknown.
    """

    slug: str
    name: str
    body: str
    email: str = ""
    email_key: str = ""
    subscriber_id: int | None = None
    sender: str = ""
    network: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply(Draft):
    """A reply. code: stands in the link that the owner decides by. state: "waiting" or "approved"."""

    id: int
    code: str
    state: str
    at: datetime


_COLUMNS: Final = [replies.c[name] for name in Reply.__dataclass_fields__]


def write(connection: Connection, draft: Draft, now: datetime) -> Reply | None:
    """Keep a reply that waits, and return it; None if the same one is there already, or too many wait."""
    same = and_(replies.c.slug == draft.slug, replies.c.sender == draft.sender, replies.c.body == draft.body)
    if connection.scalar(select(replies.c.id).where(same, replies.c.name == draft.name).limit(1)):
        return None
    waiting = connection.scalar(text("SELECT count(*) FROM replies WHERE state = 'waiting'"))
    if (waiting or 0) >= MOST_WAITING:
        return None
    plain = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    values = {**plain, "code": secrets.token_hex(8), "state": "waiting", "at": now}
    return _reply(connection.execute(insert(replies).values(values).returning(*_COLUMNS)).one())


def find(connection: Connection, reply_id: int, code: str | None = None) -> Reply | None:
    """Return a reply, None if it is gone. code: must be its own, if given."""
    query = select(*_COLUMNS).where(replies.c.id == reply_id)
    if code is not None:
        query = query.where(replies.c.code == code)
    row = connection.execute(query).one_or_none()
    return None if row is None else _reply(row)


def listed(connection: Connection, *, state: str = "", slug: str = "") -> list[Reply]:
    """Return replies, oldest first; only those in a state or of an issue, if given."""
    query = select(*_COLUMNS).order_by(replies.c.id)
    if state:
        query = query.where(replies.c.state == state)
    if slug:
        query = query.where(replies.c.slug == slug)
    return [_reply(row) for row in connection.execute(query)]


def approved(connection: Connection) -> Mapping[str, Sequence[Reply]]:
    """Return what is shown, oldest first, by issue."""
    found: dict[str, list[Reply]] = defaultdict(list)
    query = select(*_COLUMNS).where(text("state = 'approved'")).order_by(replies.c.slug, replies.c.id)
    for row in connection.execute(query):
        found[row.slug].append(_reply(row))
    return found


def state_of_approved(connection: Connection) -> tuple[Any, ...]:
    """Return something that is another whenever ``approved`` is."""
    columns = (func.count(), func.sum(replies.c.id), func.max(replies.c.decided_at))
    return tuple(connection.execute(select(*columns).where(text("state = 'approved'"))).one())


def approve(connection: Connection, reply_id: int, now: datetime) -> bool:
    """Let a reply be shown; return whether it is there. Repeating it is harmless."""
    mine = replies.c.id == reply_id
    values = {"state": "approved", "decided_at": func.coalesce(replies.c.decided_at, now)}
    return connection.execute(update(replies).where(mine).values(values)).rowcount == 1


def remove(connection: Connection, reply_id: int) -> bool:
    """Delete a reply, shown or not; return whether it was there."""
    return connection.execute(delete(replies).where(replies.c.id == reply_id)).rowcount == 1


def ban(connection: Connection, reply_id: int, now: datetime) -> int:
    """Take no more replies from whoever wrote this one; return how many of theirs were deleted.

    Deleted: this one, and what else waits from the same sender or network. What is shown stays.
    """
    reply = find(connection, reply_id)
    if reply is None:
        return 0
    connection.execute(delete(reply_bans).where(reply_bans.c.until < now))
    theirs = [replies.c.id == reply_id]
    for key, until in ((reply.sender, None), (reply.network, now + _NETWORK_BANNED)):
        if key:
            connection.execute(delete(reply_bans).where(reply_bans.c.key == key))
            connection.execute(insert_or_ignore(connection, reply_bans), [{"key": key, "until": until}])
            column = replies.c.sender if until is None else replies.c.network
            theirs.append(and_(text("state = 'waiting'"), column == key))
    return connection.execute(delete(replies).where(or_(*theirs))).rowcount


def is_banned(connection: Connection, keys: Sequence[str], now: datetime) -> bool:
    """Return whether one of these senders or networks is banned now."""
    stands = or_(reply_bans.c.until.is_(None), reply_bans.c.until > now)
    query = select(reply_bans.c.key).where(reply_bans.c.key.in_(keys), stands).limit(1)
    return connection.execute(query).first() is not None


def erase_replies(connection: Connection, key: str, subscriber_id: int | None) -> int:
    """Delete what somebody wrote who asked to be forgotten; return how many. key: their email_key."""
    theirs = replies.c.email_key == key
    if subscriber_id is not None:
        theirs = or_(theirs, replies.c.subscriber_id == subscriber_id)
    return connection.execute(delete(replies).where(theirs)).rowcount


def _reply(row: Row[Any]) -> Reply:
    return Reply(**row._mapping)
