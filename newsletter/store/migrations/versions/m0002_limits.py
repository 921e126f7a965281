"""0002: the pace that processes share; a cancelled campaign no longer stands in the way of a new one."""

import sqlalchemy as sa
from alembic import op

revision = "m0002_limits"
down_revision = "m0001_first"

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)
_NOT_CANCELLED = sa.text("state <> 'cancelled'")
_STILL_OPEN = sa.text("state NOT IN ('finished', 'cancelled')")


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    op.create_table(
        "limits",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("tokens", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("rate", sa.Double, nullable=False),
        sa.Column("share", sa.Double, nullable=False, server_default="1"),
        sa.Column("slowed_at", sa.Double, nullable=False, server_default="0"),
        sa.Column("left_today", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_limits")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _make_campaigns_again()
    else:
        op.drop_constraint("uq_campaigns_slug_segment", "campaigns", type_="unique")
    op.create_index(
        "uq_campaigns_slug_segment",
        "campaigns",
        ["slug", "segment"],
        unique=True,
        sqlite_where=_NOT_CANCELLED,
        postgresql_where=_NOT_CANCELLED,
    )


def _make_campaigns_again() -> None:
    """SQLite cannot drop a constraint: the table is made again, and its rows with their numbers.

    Deliveries refer to it all the while. Their keys are looked at when the transaction ends, by when each
    finds its campaign again; if one did not, nothing of this would be kept.
    """
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute("CREATE TEMPORARY TABLE campaigns_before AS SELECT * FROM campaigns")
    op.drop_table("campaigns")
    op.create_table(
        "campaigns",
        sa.Column("id", _id, nullable=False),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("slug", sa.String(200), nullable=False),
        sa.Column("segment", sa.String(200), nullable=False, server_default=""),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("started_at", _instant, nullable=True),
        sa.Column("finished_at", _instant, nullable=True),
        sa.Column("ceiling", _id, nullable=False),
        sa.Column("planned_through", _id, nullable=False, server_default="0"),
        sa.Column("candidates", _id, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("key", name=op.f("uq_campaigns_key")),
        sa.CheckConstraint(
            "state IN ('planning', 'sending', 'paused', 'finished', 'cancelled')",
            name=op.f("ck_campaigns_state"),
        ),
    )
    columns = (
        "id, key, slug, segment, state, reason, content, content_hash, created_at, started_at, finished_at, "
        "ceiling, planned_through, candidates"
    )
    op.execute(f"INSERT INTO campaigns ({columns}) SELECT {columns} FROM campaigns_before")  # noqa: S608
    op.execute("DROP TABLE campaigns_before")
    op.create_index("uq_campaigns_open_slug", "campaigns", ["slug"], unique=True, sqlite_where=_STILL_OPEN)
