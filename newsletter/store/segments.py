"""How many people a segment holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, JSON, ColumnElement, Connection, Text, func, literal_column, or_, select

from newsletter.store.deliveries import WHY_NOT
from newsletter.store.received import refuse_unknowable
from newsletter.store.tables import subscribers, suppressions

__all__ = ["SegmentCounts", "count_segment"]

_LIST = ARRAY(Text).with_variant(JSON(), "sqlite")

#: Holds for everybody whom WHY_NOT has a reason for, and for few others.
_PERHAPS_NOT = or_(
    subscribers.c.status != "confirmed",
    subscribers.c.sendable == 0,
    subscribers.c.paused_until.is_not(None),
    subscribers.c.email_key.in_(select(suppressions.c.email_key)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentCounts:
    """People of a segment. mailed: by a campaign that began now; skipped: the others, by reason."""

    mailed: int
    skipped: Mapping[str, int]

    @property
    def people(self) -> int:
        """All of them."""
        return self.mailed + sum(self.skipped.values())

    def as_dict(self) -> dict[str, object]:
        """Return the figures as JSON values."""
        return {"people": self.people, "mailed": self.mailed, "skipped": dict(self.skipped)}


def count_segment(connection: Connection, condition: ColumnElement[bool]) -> SegmentCounts:
    """Return how many a condition holds for, such as that of ``people.segments.audience``. Reads only.

    Raises UsageError if the condition asks about an issue of which nobody can tell any more who had it.
    One look at each: grouping all of them by WHY_NOT takes SQLite twice as long, for it sorts a million.
    """
    refuse_unknowable(connection, condition)
    why: ColumnElement[str] = literal_column(f"({WHY_NOT})")
    gather = func.array_agg if connection.dialect.name == "postgresql" else func.json_group_array
    reasons: ColumnElement[Sequence[str]] = gather(why, type_=_LIST).filter(_PERHAPS_NOT)
    people, found = connection.execute(
        select(func.count(), reasons).select_from(subscribers).where(condition)
    ).one()
    counts = Counter(found or ())
    del counts[""]  # perhaps not, but mailed all the same
    return SegmentCounts(mailed=people - counts.total(), skipped=dict(sorted(counts.items())))
