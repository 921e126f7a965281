"""Which process looks after a campaign now. No lock: who mails whom is decided by the claims of the ledger.

It keeps schedulers from going on with a send that somebody is at, and from beginning one that the owner
started and still may hold.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select, update

from newsletter.store.campaigns import UNDER_WAY
from newsletter.store.tables import campaigns

__all__ = ["let_go", "look_after", "renew", "untended"]


def look_after(
    connection: Connection,
    campaign_id: int,
    owner: str,
    *,
    now: datetime,
    until: datetime,
    instead_of: str = "",
) -> bool:
    """Look after a campaign until an instant, if nobody else does; return whether we do.

    instead_of: a process that is known to be dead.
    """
    free = or_(
        campaigns.c.tended_by.is_(None),
        campaigns.c.tended_by.in_([owner, instead_of]),
        campaigns.c.tended_until < now,
    )
    values = {"tended_by": owner, "tended_until": until}
    done = connection.execute(
        update(campaigns).where(and_(campaigns.c.id == campaign_id, free)).values(values)
    )
    return done.rowcount == 1


def renew(connection: Connection, campaign_id: int, owner: str, until: datetime) -> bool:
    """Go on looking after a campaign; return whether we still do."""
    mine = and_(campaigns.c.id == campaign_id, campaigns.c.tended_by == owner)
    return connection.execute(update(campaigns).where(mine).values(tended_until=until)).rowcount == 1


def let_go(connection: Connection, campaign_id: int, owner: str) -> None:
    """Look after a campaign no longer."""
    mine = and_(campaigns.c.id == campaign_id, campaigns.c.tended_by == owner)
    connection.execute(update(campaigns).where(mine).values(tended_by=None, tended_until=None))


def untended(
    connection: Connection, owner: str, *, now: datetime, is_dead: Callable[[str], bool]
) -> Sequence[tuple[int, str]]:
    """Return the campaigns that are planned or sent and that nobody but ``owner`` looks after, oldest first.

    With each comes the dead process that did, "" if there is none.
    """
    query = (
        select(campaigns.c.id, campaigns.c.tended_by, campaigns.c.tended_until)
        .where(campaigns.c.state.in_([state.value for state in UNDER_WAY]))
        .order_by(campaigns.c.id)
    )
    found = []
    for row in connection.execute(query):
        by = row.tended_by or ""
        if by in ("", owner) or row.tended_until is None or row.tended_until < now:
            found.append((row.id, ""))
        elif is_dead(by):
            found.append((row.id, by))
    return found
