"""A share of a campaign as a job of Procrastinate. The task is named, and never defined in ``__main__``."""

from pathlib import Path
from typing import Any

from procrastinate import App, JobContext
from procrastinate.connector import BaseConnector
from procrastinate.schema import SchemaManager
from sqlalchemy import Engine, func, select

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
    """Make Procrastinate's tables, by its own schema, or bring them up to the installed version.

    Two processes may at once. The comment on its table of jobs says which of its migrations was the last; it
    is written in the same transaction.
    """
    scripts = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        lock = func.hashtext("newsletter.fleet")
        connection.execute(select(func.pg_advisory_lock(lock)))
        try:
            if fleet.has_tables(connection):
                known = fleet.jobs_comment(connection)
                for script in scripts:
                    if script.stem > known:
                        fleet.change_tables(connection, script.read_text("utf-8"), script.stem)
            else:
                fleet.change_tables(connection, SchemaManager.get_schema(), scripts[-1].stem)
        finally:
            connection.execute(select(func.pg_advisory_unlock(lock)))
