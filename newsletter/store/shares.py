"""Shares of campaigns, for workers: jobs of Procrastinate, put in the ledger's own database and transaction.

One waiting and one running job a campaign and slot, and no more: that is Procrastinate's ``queueing_lock``
and ``lock``, so that jobs do not pile up when workers are slow. Jobs are made by its own function, with the
database's clock, and without its package. PostgreSQL only.

    given    campaigns that schedulers left to the workers: whoever takes the note away tells how they ended
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from newsletter.store import notices
from newsletter.store.fleet import locks_in_use

__all__ = [
    "QUEUE",
    "TASK",
    "Share",
    "fill",
    "forget_given",
    "give",
    "given",
    "in_hand",
    "put",
    "put_first",
]

QUEUE: Final = "newsletter"
TASK: Final = "newsletter.share"

_ONE_WAITS: Final = "procrastinate_jobs_queueing_lock_idx_v1"
_PUT: Final = text(
    """SELECT procrastinate_defer_jobs_v1(ARRAY[CAST(ROW(
        CAST(:queue AS TEXT), CAST(:task AS TEXT), 0, CAST(:lock AS TEXT), CAST(:lock AS TEXT),
        CAST(:arguments AS JSONB), now() + nullif(make_interval(secs => :seconds), interval '0')
    ) AS procrastinate_job_to_defer_v1)])"""
)
_GIVEN: Final = "given"


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One worker's part in a campaign, for less than a minute.

    slot: 0 for the first. tries: how often it failed, one after the other. held_by: not before this process
    looks after the campaign no longer; "" for at once.
    """

    campaign_id: int
    slot: int = 0
    tries: int = 0
    held_by: str = ""

    @property
    def lock(self) -> str:
        """Names the campaign and the slot."""
        return f"campaign {self.campaign_id} slot {self.slot}"

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """Return the share that a job is about. What a newer version wrote beside is passed over."""
        known = {field.name for field in fields(cls)} & arguments.keys()
        return cls(**{name: arguments[name] for name in known})


def put(connection: Connection, share: Share, *, seconds: float = 0.0) -> bool:
    """Let a share be done, in the transaction of the connection; return False if one waits there already.

    seconds: not before so long.
    """
    values = {"queue": QUEUE, "task": TASK, "lock": share.lock, "seconds": seconds}
    try:
        with connection.begin_nested():
            connection.execute(_PUT, {**values, "arguments": json.dumps(asdict(share))})
    except IntegrityError as error:
        if _ONE_WAITS not in str(error.orig):
            raise
        return False
    return True


def put_first(connection: Connection, share: Share, *, at_once: bool = False) -> None:
    """Let a share be done unless it waits or is being done already. at_once: one that waits need not any
    more: it may have been put off for the daily quota, and the owner says "go on".
    """
    if share.lock not in locks_in_use(connection, QUEUE):
        put(connection, share)
    elif at_once:
        waits = text(
            """UPDATE procrastinate_jobs SET scheduled_at = NULL
            WHERE queueing_lock = :lock AND status = 'todo' AND scheduled_at IS NOT NULL"""
        )
        connection.execute(waits, {"lock": share.lock})


def fill(connection: Connection, campaign_id: int, slots: int) -> None:
    """See to it that a campaign has so many shares that wait or are being done."""
    taken = locks_in_use(connection, QUEUE)
    for share in (Share(campaign_id=campaign_id, slot=slot) for slot in range(slots)):
        if share.lock not in taken:
            put(connection, share)


def in_hand(connection: Connection, campaign_id: int) -> bool:
    """Return whether any share of a campaign waits or is being done."""
    begin = Share(campaign_id=campaign_id).lock.removesuffix("0")
    return any(lock.startswith(begin) for lock in locks_in_use(connection, QUEUE))


def give(connection: Connection, share: Share, now: datetime, *, at_once: bool = False) -> None:
    """Leave a campaign to the workers, by its first share, and note that its end is still to be told."""
    notices.claim(connection, f"{_GIVEN} {share.campaign_id}", now)
    put_first(connection, share, at_once=at_once)


def given(connection: Connection) -> Sequence[int]:
    """Return the campaigns that were left to the workers and whose end nobody has told yet, oldest first."""
    noted = notices.noted(connection, f"{_GIVEN} ")
    return sorted(int(key.removeprefix(f"{_GIVEN} ")) for key in noted)


def forget_given(connection: Connection, campaign_id: int) -> bool:
    """Take the note away that a campaign was left to the workers; return whether it was there. Of many, one
    gets True: it is that one's to tell how it ended.
    """
    return notices.give_back(connection, f"{_GIVEN} {campaign_id}")
