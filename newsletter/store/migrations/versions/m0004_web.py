"""0004: the web pages: sign-ups that wait, limits on asking, and subscribers who take a break."""

import sqlalchemy as sa
from alembic import op

revision = "m0004_web"
down_revision = "m0003_people"

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    op.add_column("subscribers", sa.Column("paused_until", _instant, nullable=True))
    op.create_table(
        "signups",
        sa.Column("subscriber_id", _id, nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_signups_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_signups")),
    )
    op.create_table(
        "request_limits",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_request_limits")),
    )
    op.create_index(op.f("ix_request_limits_until"), "request_limits", ["until"])
