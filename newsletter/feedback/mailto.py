"""The unsubscribe mailbox: whoever asks to leave by mail is off the list (RFC 2369, the mailto form).

Order, for each mail: what it says, the database, the mark on the mail. A crash in between means that a mail
is read twice, which changes nothing.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from newsletter.feedback.mail_sources import Arrived, MailSource
from newsletter.feedback.wishes import Wish, read_wish
from newsletter.ports import Clock
from newsletter.senders.wire import wire_address
from newsletter.store.bookmarks import bookmark, set_bookmark
from newsletter.store.engine import reading
from newsletter.store.leaving import Left, confirmed_at, find_or_bring_back, take_off
from newsletter.store.subscribers import find_id
from newsletter.tokens import Tokens

__all__ = ["UNSIGNED", "read_inbox"]

_log = logging.getLogger(__name__)

UNSIGNED: Final = "by address, unsigned"  #: source of a wish that was believed by its From address
_CLOCKS_DIFFER: Final = timedelta(days=1)  # the mail server's and ours, at the very most
_SAVE_EVERY: Final = 25  # mails


def read_inbox(
    source: MailSource,
    engine: Engine,
    tokens: Tokens,
    clock: Clock,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Take off the list whoever asks for it in the mails that have arrived; return how many people left.

    A mail counts as understood when somebody who is or was on the list wants to leave, also for the second
    time; what is not understood stays for the owner. A wish is out of date when the person has confirmed a
    sign-up of their own a day and more after the mail had arrived. stop: asked between mails.

    Raises ConfigError or SendError if the mailbox cannot be read; what was understood before that is kept.
    """
    left = seen = strange = 0
    before = _place(engine, source)
    with closing(source.messages(before)) as mails:
        try:
            for arrived in mails:
                wish = _wish(arrived, tokens)
                outcome = "unknown" if wish is None else _honour(engine, wish, arrived.at, clock())
                understood = outcome != "unknown" or (wish is not None and wish.claim is not None)
                source.done(arrived, understood)
                left += outcome == "unsubscribed"
                strange += not understood
                seen += 1
                if seen % _SAVE_EVERY == 0:
                    before = _keep_place(engine, source, before)
                if stop():
                    break
        finally:
            _keep_place(engine, source, before)
    if seen:
        _log.info("Inbox: %d mail(s) read, %d left, %d not understood", seen, left, strange)
    return left


def _wish(arrived: Arrived, tokens: Tokens) -> Wish | None:
    try:
        return read_wish(arrived.raw, tokens)
    except Exception as error:  # a mail made to break readers must not keep the next ones from being read
        _log.warning("A mail cannot be read: %s", type(error).__name__)
        return None


def _honour(engine: Engine, wish: Wish, arrived: datetime, now: datetime) -> Left:
    with engine.begin() as connection:
        if wish.claim is not None:
            who = find_or_bring_back(connection, wish.claim.subscriber, now)
            source = f"link of {wish.claim.campaign}" if wish.claim.campaign else ""
        else:
            who, source = find_id(connection, wire_address(wish.sender).lower()), UNSIGNED
        if who is not None and _is_out_of_date(connection, who, arrived):
            return "already"
        return take_off(connection, who, how="mailto", source=source, now=now)


def _is_out_of_date(connection: Connection, who: int, arrived: datetime) -> bool:
    confirmed = confirmed_at(connection, who)
    return confirmed is not None and confirmed - arrived > _CLOCKS_DIFFER


def _place(engine: Engine, source: MailSource) -> str:
    if not source.name:
        return ""
    with reading(engine) as connection:
        return bookmark(connection, source.name)


def _keep_place(engine: Engine, source: MailSource, before: str) -> str:
    """Keep the bookmark where it belongs now; return that. Nothing is written when nothing has come."""
    if source.place in ("", before):
        return before
    with engine.begin() as connection:
        set_bookmark(connection, source.name, source.place)
    return source.place
