"""The recurring slot: "first tuesday 09:00" and its like, and on which dates it comes.

    first tuesday 09:00 · last friday 18:30 · every tuesday 09:00 · 15th 08:30 · last day 17:00 · 0 9 15 * *

Decisions
- A slot comes at most once a date, at one time of the wall clock. Dates come from APScheduler's CronTrigger,
  asked in UTC as if that were the wall clock; what the wall clock means is decided by ``walls`` alone.
  (Asked in a zone, the trigger fires twice when clocks go back.)
- In the cron form a weekday number is cron's, 0 or 7 for Sunday; APScheduler 3 counts from Monday. A day of
  the month together with a weekday is refused: cron means "or" by it, and nearly everybody else "and".
- A month that has no such day ("31st", "fifth tuesday") has no slot.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from newsletter.errors import ConfigError, did_you_mean
from newsletter.schedule.walls import resolve, shown

__all__ = ["Occurrence", "Slot", "latest", "read_slot", "upcoming"]

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PLACES: Final = ("first", "second", "third", "fourth", "fifth", "last", "every")
_HORIZON: Final = timedelta(days=3000)  # a leap day comes at least once within it
_LONGEST: Final = 100  # characters; the database keeps it
_LOOKS_BACK: Final = (timedelta(days=40), timedelta(days=400), _HORIZON)
_HINT: Final = (
    'Write slot under [schedule] as "first tuesday 09:00", "last friday 18:30", "every monday 08:00", '
    '"15th 08:30", "last day 17:00", or in cron form: "0 9 15 * *".'
)
_TIME: Final = r"(?:at )?([0-9]{1,2}):([0-9]{2})"
_ON_WEEKDAY: Final = re.compile(rf"([a-z0-9]+) ([a-z]+) {_TIME}")
_ON_DAY: Final = re.compile(rf"(?:([0-9]{{1,2}})(?:st|nd|rd|th)|last day) {_TIME}")
_CRON_PART: Final = re.compile(r"(?:\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/[0-9]+)?(?:,[a-z0-9]+(?:-[a-z0-9]+)?)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A slot that was understood. text: in its usual spelling. day, month, weekday: for CronTrigger."""

    text: str
    day: str
    month: str
    weekday: str
    hour: int
    minute: int

    def __str__(self) -> str:
        """The slot as it is written in the settings."""
        return self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """One date of a slot. date: on the wall. at: when it comes. wall: the same for people. remark: or ""."""

    date: date
    at: datetime
    wall: str
    remark: str = ""


@lru_cache(maxsize=8)
def read_slot(text: str) -> Slot:
    """Return the slot that a text means. Raises ConfigError if it means none, or one that never comes.

    >>> str(read_slot("First Tue 9:00")), str(read_slot("2nd friday at 18:30")), str(read_slot("15th 8:30"))
    ('first tuesday 09:00', 'second friday 18:30', '15th 08:30')
    """
    words = " ".join(text.lower().split())
    if len(words) > _LONGEST:
        raise _not_a_slot(f"{words[:20]}…", " It is too long.")
    slot = _on_weekday(words) or _on_day(words) or _in_cron_form(words)
    if slot is None:
        raise _not_a_slot(text, "")
    try:
        first = next(_dates(slot, date(2024, 1, 1)), None)
    except ValueError as error:
        raise _not_a_slot(text, f" ({error})") from error
    if first is None:
        raise ConfigError(f"The slot {text!r} never comes: there is no such day.", hint=_HINT)
    return slot


def upcoming(slot: Slot, zone: ZoneInfo, now: datetime) -> Occurrence:
    """Return the slot's next date, after ``now``.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> upcoming(read_slot("first tuesday 09:00"), berlin, datetime(2026, 11, 24, tzinfo=UTC)).wall
    '2026-12-01 09:00 Europe/Berlin'
    """
    since = now.astimezone(zone).date() - timedelta(days=2)
    return next(found for found in _occurrences(slot, zone, since) if found.at > now)


def latest(slot: Slot, zone: ZoneInfo, now: datetime) -> Occurrence | None:
    """Return the slot's newest date that has come by ``now``, None if there was none for eight years."""
    today = now.astimezone(zone).date()
    for span in _LOOKS_BACK:
        found: Occurrence | None = None
        for occurrence in _occurrences(slot, zone, today - span):
            if occurrence.at > now:
                break
            found = occurrence
        if found is not None:
            return found
    return None


def _occurrences(slot: Slot, zone: ZoneInfo, since: date) -> Iterator[Occurrence]:
    for day in _dates(slot, since):
        wall = datetime(day.year, day.month, day.day, slot.hour, slot.minute)
        found = resolve(wall, zone)
        remark = ""
        if found.kind == "missing":
            remark = f"{wall:%H:%M} does not exist on that day: the clocks go forward, and the slot with them"
        elif found.kind == "doubled":
            remark = f"{wall:%H:%M} happens twice on that day: the first one is meant"
        yield Occurrence(date=day, at=found.instant, wall=shown(found.instant, zone), remark=remark)


def _dates(slot: Slot, since: date) -> Iterator[date]:
    """Yield the dates of a slot on the wall, in order. Raises ValueError if the trigger refuses its parts."""
    start = datetime(since.year, since.month, since.day, tzinfo=UTC)
    trigger = CronTrigger(
        day=slot.day,
        month=slot.month,
        day_of_week=slot.weekday,
        hour=slot.hour,
        minute=slot.minute,
        timezone=UTC,
        end_date=start + _HORIZON,
    )
    fired: datetime | None = trigger.get_next_fire_time(None, start)
    while fired is not None:
        yield fired.date()
        fired = trigger.get_next_fire_time(None, fired + timedelta(seconds=1))


def _on_weekday(words: str) -> Slot | None:
    """Read "first tuesday 09:00" and "every tuesday 09:00"."""
    match = _ON_WEEKDAY.fullmatch(words)
    if match is None:
        return None
    place, day, hour, minute = match.groups()
    ordinals = ("1st", "2nd", "3rd", "4th", "5th")
    place = _PLACES[ordinals.index(place)] if place in ordinals else place
    if (place, day) == ("last", "day"):
        return None
    weekday = next((name for name in _WEEKDAYS if day in (name, name[:3])), None)
    if place not in _PLACES or weekday is None:
        near = did_you_mean(place, _PLACES) if place not in _PLACES else did_you_mean(day, _WEEKDAYS)
        raise _not_a_slot(words, near)
    short = {**dict(zip(_PLACES, ordinals, strict=False)), "last": "last"}
    return _slot(
        f"{place} {weekday}",
        hour,
        minute,
        day="*" if place == "every" else f"{short[place]} {weekday[:3]}",
        weekday=weekday[:3] if place == "every" else "*",
    )


def _on_day(words: str) -> Slot | None:
    """Read "15th 08:30" and "last day 08:30"."""
    match = _ON_DAY.fullmatch(words)
    if match is None:
        return None
    day, hour, minute = match.groups()
    if day is None:
        return _slot("last day", hour, minute, day="last")
    if not 1 <= int(day) <= 31:
        raise _not_a_slot(words, f" There is no day {day} of a month.")
    return _slot(_ordinal(int(day)), hour, minute, day=str(int(day)))


def _in_cron_form(words: str) -> Slot | None:
    """Read "0 9 15 * *": minute, hour, day of the month, month, weekday."""
    parts = words.split(" ")
    if len(parts) != 5 or not all(_CRON_PART.fullmatch(part) for part in parts):
        return None
    minute, hour, day, month, weekday = parts
    if not (minute.isdecimal() and hour.isdecimal()):
        raise _not_a_slot(words, " A slot comes at most once a day: name one minute and one hour.")
    if day != "*" and weekday != "*":
        raise _not_a_slot(words, ' Give a day or a weekday; for both write "first tuesday 09:00".')
    slot = _slot("", hour, minute, day=day, month=month, weekday=_weekdays(words, weekday))
    return replace(slot, text=words)


def _weekdays(words: str, part: str) -> str:
    """Return cron's weekdays (0 or 7 is Sunday, or names) as names; a range may go over the week's end."""
    if part == "*":
        return part
    numbers: set[int] = set()
    for token in part.split(","):
        span, _, step = token.partition("/")
        if step and not int(step):
            raise _not_a_slot(words, " A step is 1 at least.")
        first, _, last = ("0-6" if span == "*" else span).partition("-")
        low, high = _weekday(words, first), _weekday(words, last or ("6" if step else first))
        numbers |= {day % 7 for day in range(low, high + 1 if high >= low else high + 8, int(step or 1))}
    return ",".join(_WEEKDAYS[(number - 1) % 7][:3] for number in sorted(numbers))


def _weekday(words: str, text: str) -> int:
    """Return the number that cron gives a weekday."""
    if text.isdecimal() and int(text) <= 7:
        return int(text)
    for number, name in enumerate(_WEEKDAYS, 1):
        if text in (name, name[:3]):
            return number
    raise _not_a_slot(words, f" {text!r} is no weekday.")


def _slot(text: str, hour: str, minute: str, *, day: str, month: str = "*", weekday: str = "*") -> Slot:
    if int(hour) > 23 or int(minute) > 59:
        raise _not_a_slot(text, f" There is no time {hour}:{minute}.")
    return Slot(
        text=f"{text} {int(hour):02}:{minute}",
        day=day,
        month=month,
        weekday=weekday,
        hour=int(hour),
        minute=int(minute),
    )


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _not_a_slot(text: str, why: str) -> ConfigError:
    return ConfigError(f"The slot {text!r} cannot be understood.{why}", hint=_HINT)
