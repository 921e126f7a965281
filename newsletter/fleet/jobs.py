"""A share of a campaign as a job of Procrastinate. The task is named, and never defined in ``__main__``.

One waiting and one running job a campaign and slot, and no more: that is Procrastinate's ``queueing_lock``
and ``lock``, so that jobs do not pile up when workers are slow.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from procrastinate import App, JobContext, SyncPsycopgConnector
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, func, select

from newsletter.store import fleet

__all__ = ["QUEUE", "Share", "ensure_tables", "fill", "open_app", "put", "put_first"]

QUEUE: Final = "newsletter"
_TASK: Final = "newsletter.share"


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


def open_app(connector: BaseConnector) -> App:
    """Return the app that knows our one task. A worker hands it ``do``, a function of a Share."""
    app = App(connector=connector)
    app.task(name=_TASK, queue=QUEUE, pass_context=True)(_share)
    return app


def _share(context: JobContext, /, **arguments: Any) -> None:
    context.additional_context["do"](Share(**arguments))


def ensure_tables(engine: Engine) -> None:
    """Make Procrastinate's tables, by its own schema, unless they are there; two processes may at once."""
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("newsletter.fleet"))))
        if not fleet.has_tables(connection):
            _driver(connection).execute(SchemaManager.get_schema())


def put(connection: Connection, share: Share, *, seconds: float = 0.0) -> bool:
    """Let a share be done, in the transaction of the connection; return False if one waits there already.

    seconds: not before so long.
    """
    app = App(connector=SyncPsycopgConnector())
    job = app.configure_task(
        _TASK,
        queue=QUEUE,
        lock=share.lock,
        queueing_lock=share.lock,
        schedule_in={"milliseconds": round(seconds * 1000)} if seconds > 0 else None,
        connection=_driver(connection),
    )
    try:
        with connection.begin_nested():
            job.defer(**asdict(share))
    except AlreadyEnqueued:
        return False
    return True


def put_first(connection: Connection, share: Share) -> None:
    """Let a share be done unless it waits or is being done already."""
    if share.lock not in fleet.locks_in_use(connection, QUEUE):
        put(connection, share)


def fill(connection: Connection, campaign_id: int, slots: int) -> None:
    """See to it that a campaign has so many shares that wait or are being done."""
    taken = fleet.locks_in_use(connection, QUEUE)
    for share in (Share(campaign_id=campaign_id, slot=slot) for slot in range(slots)):
        if share.lock not in taken:
            put(connection, share)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
