"""Who comes and who goes around an issue, by day."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from newsletter.reporting.figures import Growth, Unsubscribed
from newsletter.reporting.wording import cleaned
from newsletter.store.movements import JOINED, leavers, movements

__all__ = ["Comings"]

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Comings:
    """Reads within one transaction; remembers each span, which two issues of a year share."""

    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        """zone: whose days are meant."""
        self._connection, self._zone = connection, zone
        self._growth: dict[tuple[datetime | None, datetime], Growth] = {}

    def unsubscribed(self, keys: Sequence[str], since: datetime, until: datetime) -> Unsubscribed:
        """Return who unsubscribed because of an issue: of its sends with these keys, or else in its time."""
        found = leavers(self._connection, keys, since=since, until=until)
        how: Counter[str] = Counter()
        linked: Counter[date] = Counter()
        others: Counter[date] = Counter()
        for each in found:
            how[cleaned(each.how)] += each.people
            (linked if each.by_link else others)[self._day(each.at)] += each.people
        return Unsubscribed(
            by_link=linked.total(),
            others=others.total(),
            how=dict(sorted(how.items(), key=lambda way: (-way[1], way[0]))),
            by_day=[(day, linked[day], others[day]) for day in sorted({*linked, *others})],
        )

    def growth(self, since: datetime | None, until: datetime) -> Growth:
        """Return who came and who went. since: None for the beginning."""
        if (since, until) not in self._growth:
            joined: Counter[str] = Counter()
            left: Counter[str] = Counter()
            came: Counter[date] = Counter()
            went: Counter[date] = Counter()
            for moved in movements(self._connection, since or _BEGINNING, until):
                kinds, days = (joined, came) if moved.kind in JOINED else (left, went)
                kinds[moved.kind] += moved.people
                days[self._day(moved.at)] += moved.people
            self._growth[since, until] = Growth(
                since=since,
                until=until,
                joined=dict(sorted(joined.items())),
                left=dict(sorted(left.items())),
                by_day=[(day, came[day], went[day]) for day in sorted({*came, *went})],
            )
        return self._growth[since, until]

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()
