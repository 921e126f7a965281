"""0006: what is to be sent when; who looks after a campaign now."""

import sqlalchemy as sa
from alembic import op

revision = "m0006_schedule"
down_revision = "m0005_events"

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)
_WAITING = sa.text("state = 'waiting'")
_OF_A_SLOT = sa.text("slot <> ''")


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    op.add_column("campaigns", sa.Column("tended_by", sa.String(120), nullable=True))
    op.add_column("campaigns", sa.Column("tended_until", _instant, nullable=True))
    op.create_table(
        "schedules",
        sa.Column("id", _id, nullable=False),
        sa.Column("slug", sa.String(200), nullable=False),
        sa.Column("segment", sa.String(200), nullable=False, server_default=""),
        sa.Column("send_at", _instant, nullable=False),
        sa.Column("wall", sa.String(80), nullable=False),
        sa.Column("slot", sa.String(120), nullable=False, server_default=""),
        sa.Column("slot_date", sa.String(10), nullable=False, server_default=""),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("campaign_id", _id, nullable=True),
        sa.Column("created_at", _instant, nullable=False),
        sa.Column("settled_at", _instant, nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_schedules_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sa.CheckConstraint(
            "state IN ('waiting', 'started', 'missed', 'skipped', 'cancelled')",
            name=op.f("ck_schedules_state"),
        ),
    )
    op.create_index(
        "uq_schedules_waiting_slug",
        "schedules",
        ["slug"],
        unique=True,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_index(
        "uq_schedules_slot",
        "schedules",
        ["slot", "slot_date"],
        unique=True,
        sqlite_where=_OF_A_SLOT,
        postgresql_where=_OF_A_SLOT,
    )
    op.create_table(
        "notices",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notices")),
    )
