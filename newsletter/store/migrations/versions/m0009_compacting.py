"""0009: the sums of old issues, whose deliveries and events are removed."""

import sqlalchemy as sa
from alembic import op

revision = "m0009_compacting"
down_revision = "m0008_replies"

_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    op.add_column("campaigns", sa.Column("compacted_at", _instant, nullable=True))
    op.create_table(
        "sums",
        sa.Column("slug", sa.String(200), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("emptied_at", _instant, nullable=True),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_sums")),
    )
