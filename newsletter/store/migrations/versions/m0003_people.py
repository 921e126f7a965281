"""0003: imports can be undone, and a subscriber's number is never given to another person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "m0003_people"
down_revision = "m0002_limits"

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)
_json = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    if op.get_bind().dialect.name == "sqlite":
        _never_reuse_numbers()
    op.add_column("import_batches", sa.Column("new_fields", _json, nullable=False, server_default="[]"))
    op.add_column("import_batches", sa.Column("undone_at", _instant, nullable=True))
    op.create_table(
        "import_changes",
        sa.Column("subscriber_id", _id, nullable=False),
        sa.Column("batch_id", _id, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.Text, nullable=True),
        sa.Column("attributes", _json, nullable=True),
        sa.Column("status", sa.String(12), nullable=True),
        sa.Column("updated_at", _instant, nullable=True),
        sa.Column("tags", _json, nullable=True),
        sa.PrimaryKeyConstraint("subscriber_id", "batch_id", name=op.f("pk_import_changes")),
        sa.ForeignKeyConstraint(["batch_id"], ["import_batches.id"], name=op.f("fk_import_changes_batch_id")),
        sa.CheckConstraint("kind IN ('new', 'updated')", name=op.f("ck_import_changes_kind")),
        sqlite_with_rowid=False,
    )


def _never_reuse_numbers() -> None:
    """Make subscribers again with AUTOINCREMENT, which SQLite cannot add; PostgreSQL never reuses anyway.

    The tables that refer to it are made again around it: dropping it would delete their rows. Numbers
    that only the ledger still knows count as given, too.
    """
    for table in ("subscriber_tags", "consent_events", "subscribers"):  # children first
        op.execute(f"CREATE TEMPORARY TABLE {table}_before AS SELECT * FROM {table}")  # noqa: S608
        op.drop_table(table)
    _make_subscribers()
    _make_children()
    for table, columns in (
        (
            "subscribers",
            "id, email, email_key, sendable, status, name, tz, attributes, created_at, updated_at",
        ),
        ("subscriber_tags", "tag, subscriber_id"),
        ("consent_events", "id, subscriber_id, kind, at, how, ip, source, text_version, batch_id"),
    ):
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_before")  # noqa: S608
        op.execute(f"DROP TABLE {table}_before")
    op.create_index("ix_subscriber_tags_subscriber_id", "subscriber_tags", ["subscriber_id"])
    op.create_index("ix_consent_events_subscriber_id", "consent_events", ["subscriber_id"])
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'subscribers'")
    op.execute(
        """INSERT INTO sqlite_sequence (name, seq) SELECT 'subscribers', max(
            (SELECT coalesce(max(id), 0) FROM subscribers),
            (SELECT coalesce(max(subscriber_id), 0) FROM deliveries),
            (SELECT coalesce(max(ceiling), 0) FROM campaigns))"""
    )


def _make_subscribers() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", _id, nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("email_key", sa.String(320), nullable=False),
        sa.Column("sendable", sa.Integer, nullable=False, server_default="1"),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("tz", sa.String(64), nullable=False, server_default=""),
        sa.Column("attributes", _json, nullable=False, server_default="{}"),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("updated_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("email_key", name=op.f("uq_subscribers_email_key")),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'unsubscribed', 'bounced', 'complained')",
            name=op.f("ck_subscribers_status"),
        ),
        sqlite_autoincrement=True,
    )


def _make_children() -> None:
    op.create_table(
        "subscriber_tags",
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("subscriber_id", _id, nullable=False),
        sa.PrimaryKeyConstraint("tag", "subscriber_id", name=op.f("pk_subscriber_tags")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_subscriber_tags_subscriber_id"),
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consent_events",
        sa.Column("id", _id, nullable=False),
        sa.Column("subscriber_id", _id, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("how", sa.String(32), nullable=False),
        sa.Column("ip", sa.String(45), nullable=False, server_default=""),
        sa.Column("source", sa.Text, nullable=False, server_default=""),
        sa.Column("text_version", sa.String(64), nullable=False, server_default=""),
        sa.Column("batch_id", _id, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_events")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_consent_events_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["import_batches.id"], name=op.f("fk_consent_events_batch_id")),
    )
