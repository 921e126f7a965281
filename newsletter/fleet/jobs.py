"""A share of a campaign as a job of Procrastinate. The task is named, and never defined in ``__main__``."""

from typing import Any

from procrastinate import App, JobContext
from procrastinate.connector import BaseConnector
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, func, select

from newsletter.store import fleet
from newsletter.store.shares import QUEUE, TASK, Share

__all__ = ["ensure_tables", "open_app"]


def open_app(connector: BaseConnector) -> App:
    """Return the app that knows our one task. A worker hands it ``do``, a function of a Share."""
    app = App(connector=connector)
    app.task(name=TASK, queue=QUEUE, pass_context=True)(_share)
    return app


def _share(context: JobContext, /, **arguments: Any) -> None:
    context.additional_context["do"](Share.read(arguments))


def ensure_tables(engine: Engine) -> None:
    """Make Procrastinate's tables, by its own schema, unless they are there; two processes may at once."""
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("newsletter.fleet"))))
        if not fleet.has_tables(connection):
            _driver(connection).execute(SchemaManager.get_schema())


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
