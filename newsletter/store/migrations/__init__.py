"""The history of the tables: numbered, forward only, each applied in one transaction.

A new one is a file in ``versions`` and a line here. The list saves every command the import of
alembic; a test holds it against the files.
"""

from typing import Final

__all__ = ["REVISIONS"]

REVISIONS: Final = (
    "m0001_first",
    "m0002_limits",
    "m0003_people",
    "m0004_web",
    "m0005_events",
    "m0006_schedule",
    "m0007_uncertain",
    "m0008_replies",
    "m0009_compacting",
)  #: oldest first
