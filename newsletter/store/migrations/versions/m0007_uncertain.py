"""0007: an index of the deliveries in doubt, which each look at the provider's events goes through."""

import sqlalchemy as sa
from alembic import op

revision = "m0007_uncertain"
down_revision = "m0006_schedule"

_UNCERTAIN = sa.text("state = 'uncertain'")


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    op.create_index(
        "ix_deliveries_uncertain",
        "deliveries",
        ["campaign_id", "id"],
        sqlite_where=_UNCERTAIN,
        postgresql_where=_UNCERTAIN,
    )
