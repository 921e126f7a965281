"""How many people a segment holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from newsletter.store.deliveries import WHY_NOT
from newsletter.store.tables import subscribers

__all__ = ["SegmentCounts", "count_segment"]


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
    """Return how many a condition holds for, such as that of ``people.segments.audience``. Reads only."""
    why: ColumnElement[str] = literal_column(f"({WHY_NOT})").label("why")
    people = select(why).select_from(subscribers).where(condition).subquery()
    rows = connection.execute(select(people.c.why, func.count()).group_by(people.c.why)).all()
    counts: dict[str, int] = {row[0]: row[1] for row in rows}
    return SegmentCounts(mailed=counts.pop("", 0), skipped=dict(sorted(counts.items())))
