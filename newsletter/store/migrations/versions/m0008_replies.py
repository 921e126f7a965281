"""0008: what readers write under the issues on the web, and whose replies are not taken."""

import sqlalchemy as sa
from alembic import op

revision = "m0008_replies"
down_revision = "m0007_uncertain"

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)
_APPROVED = sa.text("state = 'approved'")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    op.create_table(
        "replies",
        sa.Column("id", _id, nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("slug", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("decided_at", _instant, nullable=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False, server_default=""),
        sa.Column("email_key", sa.String(320), nullable=False, server_default=""),
        sa.Column("subscriber_id", _id, nullable=True),
        sa.Column("sender", sa.String(64), nullable=False, server_default=""),
        sa.Column("network", sa.String(64), nullable=False, server_default=""),
        sa.CheckConstraint("state IN ('waiting', 'approved')", name=op.f("ck_replies_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
    )
    op.create_index(op.f("ix_replies_email_key"), "replies", ["email_key"])
    op.create_index(op.f("ix_replies_subscriber_id"), "replies", ["subscriber_id"])
    op.create_index(
        "ix_replies_approved", "replies", ["slug", "id"], sqlite_where=_APPROVED, postgresql_where=_APPROVED
    )
    op.create_index("ix_replies_waiting", "replies", ["id"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_table(
        "reply_bans",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("until", _instant, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_reply_bans")),
    )
