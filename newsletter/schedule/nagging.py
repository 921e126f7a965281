"""When the owner is reminded that a slot has no approved issue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.schedule.slots import Occurrence
from newsletter.schedule.walls import resolve
from newsletter.settings import duration

__all__ = ["Nag", "due_nags", "nags_before", "time_left"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Nag:
    """One reminder. span: as the settings spell it, such as "3d"."""

    span: str
    at: datetime


def nags_before(occurrence: Occurrence, spans: Sequence[str], zone: ZoneInfo) -> Sequence[Nag]:
    """Return the reminders before a slot, earliest first.

    Whole days are days of the wall clock: three days before nine o'clock is nine o'clock.
    """
    found = []
    for span in set(spans):
        before = duration(span)
        if before % timedelta(days=1):
            at = occurrence.at - before
        else:
            wall = occurrence.at.astimezone(zone).replace(tzinfo=None, fold=0) - before
            at = resolve(wall, zone).instant
        found.append(Nag(span=span, at=at))
    return sorted(found, key=lambda nag: nag.at)


def due_nags(nags: Sequence[Nag], now: datetime) -> Sequence[Nag]:
    """Return the reminders whose time has come; the last of them is the one that still says anything."""
    return [nag for nag in nags if nag.at <= now]


def time_left(span: timedelta) -> str:
    """Return how long it is, for people.

    >>> time_left(timedelta(days=2, hours=23, minutes=59)), time_left(timedelta(minutes=119))
    ('3 days', '2 hours')
    """
    minutes = max(1, round(span.total_seconds() / 60))
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        number = round(minutes / size)
        if minutes >= 0.9 * size:
            return f"{max(1, number)} {name}{'s' if number > 1 else ''}"
    raise AssertionError(span)
