"""What alembic runs: apply the revisions through the connection that ``store.engine.migrate`` gives.

No logging is set up here: the owner sees the names of what was applied, not alembic's log.
"""

from alembic import context

from newsletter.store.tables import metadata


def apply_revisions() -> None:
    """Bring the database to the revision that alembic was asked for."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,  # both databases can; alembic by itself believes that SQLite cannot
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # so alembic calls this file; nothing happens when it is only imported
    apply_revisions()
