"""0005: what the provider reports about our mail."""

import sqlalchemy as sa
from alembic import op

revision = "m0005_events"
down_revision = "m0004_web"

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    op.create_table(
        "events",
        sa.Column("id", _id, nullable=False),
        sa.Column("dedupe", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("received_at", _instant, nullable=False),
        sa.Column("message_id", sa.String(120), nullable=False),
        sa.Column("campaign_id", _id, nullable=True),
        sa.Column("delivery_id", _id, nullable=True),
        sa.Column("email_key", sa.String(320), nullable=False, server_default=""),
        sa.Column("bounce", sa.String(8), nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.Column("link", sa.Text, nullable=False, server_default=""),
        sa.Column("machine", sa.Integer, nullable=False, server_default="0"),
        sa.Column("raw", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("dedupe", name=op.f("uq_events_dedupe")),
        sa.CheckConstraint(
            "kind IN ('send', 'delivery', 'bounce', 'complaint', 'reject', 'open', 'click',"
            " 'rendering-failure', 'delivery-delay', 'subscription')",
            name=op.f("ck_events_kind"),
        ),
        sa.CheckConstraint("bounce IN ('', 'hard', 'soft', 'reply')", name=op.f("ck_events_bounce")),
    )
    wide = ["campaign_id", "kind", "delivery_id", "machine", "at"]
    op.create_index("ix_events_campaign_id_kind", "events", wide)
    op.create_index("ix_events_delivery_id", "events", ["delivery_id"])
    op.create_index("ix_events_email_key_kind", "events", ["email_key", "kind"])
