"""0001: people with their consent, campaigns, and one delivery row per campaign and subscriber.

Written out, not derived from ``store.tables``: that module moves on, history does not.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "m0001_first"
down_revision = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)
_json = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    _people()
    _sending()
    op.create_table(
        "meta",
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )


def _people() -> None:
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
    )
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
    op.create_index("ix_subscriber_tags_subscriber_id", "subscriber_tags", ["subscriber_id"])
    op.create_table(
        "subscriber_fields",
        sa.Column("name", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_subscriber_fields")),
    )
    op.create_table(
        "import_batches",
        sa.Column("id", _id, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False, server_default=""),
        sa.Column("at", _instant, nullable=False),
        sa.Column("counts", _json, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batches")),
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
    op.create_index("ix_consent_events_subscriber_id", "consent_events", ["subscriber_id"])
    op.create_table(
        "suppressions",
        sa.Column("email_key", sa.String(320), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("email_key", name=op.f("pk_suppressions")),
    )


def _sending() -> None:
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
        sa.UniqueConstraint("slug", "segment", name=op.f("uq_campaigns_slug_segment")),
        sa.CheckConstraint(
            "state IN ('planning', 'sending', 'paused', 'finished', 'cancelled')",
            name=op.f("ck_campaigns_state"),
        ),
    )
    still_open = sa.text("state NOT IN ('finished', 'cancelled')")
    op.create_index(
        "uq_campaigns_open_slug",
        "campaigns",
        ["slug"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _id, nullable=False),
        sa.Column("campaign_id", _id, nullable=False),
        sa.Column("subscriber_id", _id, nullable=False),
        sa.Column("email_key", sa.String(320), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("not_before", _instant, nullable=True),
        sa.Column("call_id", sa.String(32), nullable=True),
        sa.Column("claimed_by", sa.String(120), nullable=True),
        sa.Column("lease_until", _instant, nullable=True),
        sa.Column("message_id", sa.String(120), nullable=True),
        sa.Column("updated_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_deliveries_campaign_id")),
        sa.UniqueConstraint(
            "campaign_id", "subscriber_id", name=op.f("uq_deliveries_campaign_id_subscriber_id")
        ),
        sa.UniqueConstraint("campaign_id", "email_key", name=op.f("uq_deliveries_campaign_id_email_key")),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'uncertain', 'skipped')",
            name=op.f("ck_deliveries_state"),
        ),
    )
    for state in ("queued", "sending"):
        op.create_index(
            f"ix_deliveries_{state}",
            "deliveries",
            ["campaign_id", "id"],
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_table(
        "approvals",
        sa.Column("id", _id, nullable=False),
        sa.Column("slug", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("segment", sa.String(200), nullable=False, server_default=""),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index("ix_approvals_slug", "approvals", ["slug"])
