"""${message}."""

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Forward only: going back is restoring the backup made before."""
    ${upgrades if upgrades else "raise NotImplementedError"}
