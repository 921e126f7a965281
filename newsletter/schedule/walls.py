"""Wall clock and instant: what "2026-11-30 09:00" means where the newsletter is at home.

    text --read_when--> When (instant, wall, remark) <--resolve-- wall clock time of a slot

Decisions. When clocks go forward, some times do not exist: a booking of one is refused, with the two nearest
times; a slot, which nobody is there to ask about, moves forward by as much as the clocks do. When they go
back, some times happen twice: the first one is meant, and that is said. The second can be named with its
offset.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from newsletter.errors import UsageError

__all__ = ["Resolved", "When", "read_when", "resolve", "shown"]

_WHEN: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[ \t]+|[Tt])(\d{1,2}:\d{2})(:\d{2})?\s*([Zz]|[+-]\d{2}:?\d{2})?"
)
_HINT: Final = 'Write it as "2026-11-30 09:00", or with an offset: 2026-11-30T09:00+01:00.'


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """A time that somebody named. wall: the same for people, with the zone. remark: "" or what to know."""

    instant: datetime
    wall: str
    remark: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """What a wall clock time is in a zone.

    kind: usual; missing (skipped when clocks go forward); doubled (clocks go back). instant: of the first for
    doubled ones; for missing ones, as much later as the clocks go forward. second: of doubled ones.
    """

    kind: Literal["usual", "missing", "doubled"]
    instant: datetime
    second: datetime


def read_when(text: str, zone: ZoneInfo) -> When:
    """Return the time that a text names; without an offset it is in the zone.

    Raises UsageError if it cannot be read, or does not exist because clocks go forward then.

    >>> read_when("2026-11-30 09:00", ZoneInfo("Europe/Berlin")).instant
    datetime.datetime(2026, 11, 30, 8, 0, tzinfo=datetime.timezone.utc)
    """
    match = _WHEN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text.strip()!r} is not a date and time.", hint=_HINT)
    day, clock, seconds, offset = match.groups()
    try:
        named = datetime.fromisoformat(f"{day}T{clock:0>5}{seconds or ''}{(offset or '').upper()}")
        if named.tzinfo is not None:
            instant = named.astimezone(UTC)
            return When(instant=instant, wall=shown(instant, zone))
        found = resolve(named, zone)
        wall = shown(found.instant, zone)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"There is no such date and time: {text.strip()!r}.", hint=_HINT) from error
    if found.kind == "missing":
        before, after = _around_the_gap(found, zone)
        raise UsageError(
            f"{named:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clocks go forward then.",
            hint=f"The nearest times are {before:%Y-%m-%d %H:%M} and {after:%Y-%m-%d %H:%M}.",
        )
    remark = ""
    if found.kind == "doubled":
        second = found.second.astimezone(zone)
        remark = (
            f"{named:%Y-%m-%d %H:%M} happens twice in {zone.key}, because the clocks go back; the first is "
            f"meant. For the second: {second.isoformat(timespec='minutes')}"
        )
    return When(instant=found.instant, wall=wall, remark=remark)


def resolve(wall: datetime, zone: ZoneInfo) -> Resolved:
    """Return what a naive wall clock time is in a zone (PEP 495).

    >>> resolve(datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Berlin")).kind
    'doubled'
    """
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    assert before is not None and after is not None  # noqa: S101  (said to mypy: a zone always has an offset)
    kind: Literal["usual", "missing", "doubled"] = "usual"
    if before != after:
        kind = "doubled" if before > after else "missing"
    return Resolved(kind=kind, instant=first.astimezone(UTC), second=second.astimezone(UTC))


def shown(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant for people in the zone; where that time happens twice, it says which is meant.

    >>> shown(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    '2026-10-25 02:30 Europe/Berlin (second, UTC+01:00)'
    """
    local = instant.astimezone(zone)
    which = ""
    if resolve(local.replace(tzinfo=None, fold=0), zone).kind == "doubled":
        offset = local.isoformat(timespec="minutes")[16:]
        which = f" ({'second' if local.fold else 'first'}, UTC{offset})"
    return f"{local:%Y-%m-%d %H:%M} {zone.key}{which}"


def _around_the_gap(missing: Resolved, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the last minute before the clocks go forward and the first time after, on the wall clock."""
    low, high = missing.second, missing.instant  # the clocks change after the one, and not after the other
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (low, middle) if middle.astimezone(zone).utcoffset() == after else (middle, high)
    change = high.replace(microsecond=0)
    return (change - timedelta(minutes=1)).astimezone(zone), change.astimezone(zone)
