"""Joining the list by oneself: asking, confirming ("double opt-in"), and choosing afterwards.

    ask --mail with a link--> confirm --> confirmed          neither is done by opening a page

Decisions
- Asking changes nothing for who is known already: a person who had left stays ``unsubscribed`` until they
  confirm, so that a sign-up that nobody confirms can be forgotten without forgetting that they left.
- Who asked to be forgotten may come back like anybody else: only they can confirm it.
- Who is suppressed, has complained or whose mailbox does not exist is never mailed, whoever asks.
- What is written into the form by nobody knows whom (the name) counts only once it is confirmed.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from newsletter.model import SubscriberStatus
from newsletter.people.addresses import Address
from newsletter.people.naming import one_line
from newsletter.ports import Clock
from newsletter.store import signups
from newsletter.store.sql import insert_or_ignore
from newsletter.store.subscribers import add_tags, find_suppression
from newsletter.store.tables import consent_events, subscriber_tags, subscribers, suppressions

__all__ = [
    "LONGEST_NAME",
    "Choice",
    "Invitation",
    "Statement",
    "ask",
    "ask_again",
    "choose",
    "confirm",
    "expire",
    "preferences",
]

LONGEST_NAME: Final = 100  #: characters of a name that a page takes

#: Whoever has one of these is invited when they ask; the others are confirmed already, or never mailed.
_INVITED: Final = (SubscriberStatus.PENDING, SubscriberStatus.UNSUBSCRIBED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What somebody said and how, for the proof of consent. how: form, again, link, page.

    ip: "" if not known. text: the words they agreed to; version: names that text.
    """

    how: str
    ip: str
    text: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """A confirmation that is to be mailed. code: stands in its link."""

    subscriber_id: int
    email: str
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What a person has chosen. tags: all of theirs. paused_until: None if every issue is mailed."""

    email: str
    status: SubscriberStatus
    name: str
    tags: Sequence[str]
    paused_until: datetime | None


def ask(engine: Engine, address: Address, *, name: str, said: Statement, clock: Clock) -> Invitation | None:
    """Note that an address wants the newsletter; return the mail to send, None if none may be sent."""
    now = clock()
    with engine.begin() as connection:
        if not address.sendable or find_suppression(connection, address.key) is not None:
            return None
        connection.execute(
            insert_or_ignore(connection, subscribers).values(
                email=address.email,
                email_key=address.key,
                status=SubscriberStatus.PENDING,
                created_at=now,
                updated_at=now,
            )
        )
        row = _row(connection, subscribers.c.email_key == address.key)
        return _invite(connection, row, one_line(name)[:LONGEST_NAME], said, now)


def ask_again(engine: Engine, subscriber_id: int, *, said: Statement, clock: Clock) -> Invitation | None:
    """Note that a person who had left wants to come back; return what ``ask`` does."""
    with engine.begin() as connection:
        row = _row(connection, subscribers.c.id == subscriber_id)
        return _invite(connection, row, "", said, clock())


def confirm(
    engine: Engine,
    subscriber_id: int,
    code: str,
    *,
    within: timedelta,
    said: Statement,
    fingerprints: Callable[[str], Sequence[str]],
    clock: Clock,
) -> Literal["confirmed", "already", "expired"]:
    """Confirm a sign-up by the code from its mail; return what that changed. Repeating it is harmless.

    "expired": it waited longer than ``within``, a newer one took its place, the person has left since, or
    the address may no longer be mailed. fingerprints: ``Tokens.fingerprints``; whoever asked to be forgotten,
    and comes back by themselves, is no longer kept out of imports.
    """
    now = clock()
    with engine.begin() as connection:
        row = _row(connection, subscribers.c.id == subscriber_id)
        if row is None or find_suppression(connection, row.email_key) is not None:
            return "expired"
        if row.status == SubscriberStatus.CONFIRMED:
            return "already"
        signup = signups.find(connection, subscriber_id)
        fresh = signup is not None and signup.at >= now - within
        if signup is None or not fresh or not secrets.compare_digest(signup.code, code):
            return "expired"
        if row.status not in _INVITED:
            return "expired"
        connection.execute(
            update(subscribers)
            .where(subscribers.c.id == subscriber_id)
            .values(
                status=SubscriberStatus.CONFIRMED,
                name=signup.name or row.name,
                paused_until=None,
                updated_at=now,
            )
        )
        connection.execute(
            delete(suppressions).where(suppressions.c.email_key.in_(fingerprints(row.email_key)))
        )
        signups.close(connection, subscriber_id)
        _note(connection, subscriber_id, "confirmed", said, now)
    return "confirmed"


def expire(engine: Engine, *, within: timedelta, clock: Clock) -> int:
    """Forget the people who signed up longer ago and never confirmed; return how many."""
    now = clock()
    with engine.begin() as connection:
        signups.forget_limits(connection, now)
        return signups.forget_older(connection, now - within)


def preferences(connection: Connection, subscriber_id: int) -> Choice | None:
    """Return what a person has chosen, None if there is no such subscriber (any more)."""
    row = connection.execute(select(subscribers).where(subscribers.c.id == subscriber_id)).one_or_none()
    if row is None:
        return None
    tags = connection.scalars(
        select(subscriber_tags.c.tag)
        .where(subscriber_tags.c.subscriber_id == subscriber_id)
        .order_by(subscriber_tags.c.tag)
    )
    return Choice(
        email=row.email,
        status=SubscriberStatus(row.status),
        name=row.name,
        tags=tags.all(),
        paused_until=row.paused_until,
    )


def choose(
    engine: Engine,
    subscriber_id: int,
    *,
    name: str,
    tags: Mapping[str, bool],
    paused_until: datetime | None,
    ip: str,
    clock: Clock,
) -> Choice | None:
    """Change what a confirmed person has chosen; return it as it is now, None if there is no such person.

    tags: of those that may be chosen, which are; others stay as they are. Nothing is changed for whoever is
    not confirmed, and nothing is written when nothing is different.
    """
    now = clock()
    with engine.begin() as connection:
        row = _row(connection, subscribers.c.id == subscriber_id)
        before = preferences(connection, subscriber_id)
        if row is None or before is None or before.status is not SubscriberStatus.CONFIRMED:
            return before
        changes: dict[str, Any] = {}
        name = one_line(name)[:LONGEST_NAME]
        if name != row.name:
            changes["name"] = name
        if paused_until != row.paused_until:
            changes["paused_until"] = paused_until
            kind = "resumed" if paused_until is None else "paused"
            text = "" if paused_until is None else f"until {paused_until:%Y-%m-%d}"
            _note(connection, subscriber_id, kind, Statement(how="page", ip=ip, text=text), now)
        given = add_tags(connection, subscriber_id, [tag for tag, wanted in tags.items() if wanted])
        taken = connection.execute(
            delete(subscriber_tags).where(
                subscriber_tags.c.subscriber_id == subscriber_id,
                subscriber_tags.c.tag.in_([tag for tag, wanted in tags.items() if not wanted]),
            )
        ).rowcount
        if changes or given or taken:
            connection.execute(
                update(subscribers).where(subscribers.c.id == subscriber_id).values(**changes, updated_at=now)
            )
        return preferences(connection, subscriber_id)


def _row(connection: Connection, which: Any) -> Row[Any] | None:
    """Return a person's row, kept as it is until the end of the transaction."""
    return connection.execute(select(subscribers).where(which).with_for_update()).one_or_none()


def _invite(
    connection: Connection, row: Row[Any] | None, name: str, said: Statement, now: datetime
) -> Invitation | None:
    if row is None or row.status not in _INVITED or not row.sendable:
        return None
    if find_suppression(connection, row.email_key) is not None:
        return None
    code = secrets.token_hex(8)
    signups.put(connection, row.id, signups.SignUp(code=code, at=now, name=name))
    _note(connection, row.id, "requested", said, now)
    return Invitation(subscriber_id=row.id, email=row.email, code=code)


def _note(connection: Connection, subscriber_id: int, kind: str, said: Statement, now: datetime) -> None:
    connection.execute(
        insert(consent_events).values(
            subscriber_id=subscriber_id,
            kind=kind,
            at=now,
            how=said.how,
            ip=said.ip,
            source=one_line(said.text),
            text_version=said.version,
        )
    )
