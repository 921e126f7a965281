"""Looking after a campaign: while somebody does, schedulers leave it alone.

    untended --take--> tending (renewed about every 20 s) --the end, or an error--> untended

A process that dies is found out at once on its own host, elsewhere when its time is over.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from newsletter.delivery.owners import is_dead
from newsletter.delivery.progress import Progress
from newsletter.ports import Clock
from newsletter.store import tending as store
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading

__all__ = ["TENDED", "keeping", "take", "tending", "untended"]

TENDED: Final = timedelta(minutes=2)  #: longer than any call to the provider may take
_RENEW: Final = timedelta(seconds=20)


def take(connection: Connection, campaign_id: int, owner: str, clock: Clock, *, instead_of: str = "") -> bool:
    """Look after a campaign from now on, if nobody else does; return whether we do."""
    now = clock()
    return store.look_after(
        connection, campaign_id, owner, now=now, until=now + TENDED, instead_of=instead_of
    )


def untended(engine: Engine, owner: str, clock: Clock) -> Sequence[tuple[int, str]]:
    """Return the campaigns that are under way and that nobody but ``owner`` looks after, oldest first.

    With each comes the dead process that did, "" if there is none.
    """
    with reading(engine) as connection:
        return store.untended(connection, owner, now=clock(), is_dead=is_dead)


@contextmanager
def keeping(engine: Engine, campaign_id: int, owner: str, clock: Clock) -> Iterator[None]:
    """Go on looking after a campaign while something takes long: planning, a backup. owner: who does already.

    Without this, with millions of people, others would begin to send before the backup is made.
    """
    over = threading.Event()

    def renew() -> None:
        while not over.wait(_RENEW.total_seconds()):
            with suppress(DBAPIError), engine.begin() as connection:  # if the database is away: next time
                store.renew(connection, campaign_id, owner, clock() + TENDED)

    thread = threading.Thread(target=renew, name="tending", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def tending(
    engine: Engine, campaign: Campaign, owner: str, clock: Clock, steps: Iterator[Progress]
) -> Iterator[Progress]:
    """Pass on the steps of a delivery, and look after its campaign meanwhile. owner: ``this_process()``."""
    with engine.begin() as connection:
        take(connection, campaign.id, owner, clock)
    renewed = clock()
    try:
        for step in steps:
            now = clock()
            if now - renewed >= _RENEW:
                renewed = now
                with engine.begin() as connection:
                    store.renew(connection, campaign.id, owner, now + TENDED)
            yield step
    finally:
        if close := getattr(steps, "close", None):
            close()
        with engine.begin() as connection:
            store.let_go(connection, campaign.id, owner)
