"""The slot's turn: which issue its newest date takes, if any.

Decisions
- A slot takes what was approved by its time, and nothing that was approved later, whenever it is looked at:
  so that it makes no difference to the readers whether this computer was awake.
- A date for which the owner has booked an issue herself, or on which she sent one, is no slot's any more.
- A slot counts from when somebody first looked at it, so that writing one into the settings does not ask
  about last month's. A timer that first looks a few minutes after the slot's time is in time.
- Of several dates that nobody looked at, only the newest counts: a slot is never made up for twice.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from newsletter.schedule.slots import Occurrence, Slot, latest, read_slot, upcoming
from newsletter.schedule.walls import resolve
from newsletter.settings import Settings, duration
from newsletter.store import notices, schedules
from newsletter.store.schedules import AppointmentState, Booking

__all__ = [
    "ASLEEP",
    "NextSlot",
    "Turn",
    "is_watched",
    "next_slot",
    "slot_of",
    "turn",
    "watch",
    "zone_of",
]

_IN_TIME: Final = timedelta(minutes=10)
_NOTHING: Final = "no issue was approved by then"
ASLEEP: Final = "nothing was running that could have sent it in time"  #: why an issue was missed


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What the slot's newest date comes to. state: waiting, missed or skipped."""

    booking: Booking
    state: AppointmentState


@dataclass(frozen=True, kw_only=True, slots=True)
class NextSlot:
    """The next date of the slot. takes: the issue that it would take, "" for none.

    booked: the issue that the owner has booked or sent on that date herself; then the slot takes none.
    """

    slot: Slot
    occurrence: Occurrence
    takes: str
    booked: str


def zone_of(settings: Settings) -> ZoneInfo:
    """Return the zone that the newsletter is at home in."""
    return ZoneInfo(settings.newsletter.timezone)


def slot_of(settings: Settings) -> Slot | None:
    """Return the slot of the settings, None if there is none. Raises ConfigError if it cannot be read."""
    return read_slot(settings.schedule.slot) if settings.schedule.slot.strip() else None


def watch(connection: Connection, settings: Settings, now: datetime) -> None:
    """Note that somebody looks at the slot; from the first time on its dates count."""
    slot = slot_of(settings)
    if slot is not None:
        notices.claim(connection, _watched(slot), now - _IN_TIME)


def is_watched(connection: Connection, settings: Settings) -> bool:
    """Return whether the slot's dates count already; True if there is no slot."""
    slot = slot_of(settings)
    return slot is None or notices.noted_at(connection, _watched(slot)) is not None


def turn(connection: Connection, settings: Settings, now: datetime) -> Turn | None:
    """Return what the slot's newest date comes to, None if that is settled or there is none. Only looks."""
    slot, zone = slot_of(settings), zone_of(settings)
    occurrence = None if slot is None else latest(slot, zone, now)
    if slot is None or occurrence is None:
        return None
    since = notices.noted_at(connection, _watched(slot))
    if since is None or occurrence.at < since:
        return None
    if schedules.of_slot(connection, str(slot), occurrence.date.isoformat()) is not None:
        return None
    if _booked_for(connection, occurrence, zone):
        return None
    found = schedules.candidates(connection, occurrence.at)
    approval = schedules.newest_approval(connection, found[0]) if found else None
    state, reason = AppointmentState.WAITING, ""
    if approval is None:
        state, reason = AppointmentState.SKIPPED, _NOTHING
    elif now - occurrence.at > duration(settings.schedule.max_late):
        state, reason = AppointmentState.MISSED, ASLEEP
    booking = Booking(
        slug="" if approval is None else approval.slug,
        segment="" if approval is None else approval.segment,
        send_at=occurrence.at,
        wall=occurrence.wall,
        slot=str(slot),
        slot_date=occurrence.date.isoformat(),
        reason=reason,
    )
    return Turn(booking=booking, state=state)


def next_slot(connection: Connection, settings: Settings, now: datetime) -> NextSlot | None:
    """Return the next date of the slot and what it would take, None if there is no slot."""
    slot, zone = slot_of(settings), zone_of(settings)
    if slot is None:
        return None
    occurrence = upcoming(slot, zone, now)
    booked = _booked_for(connection, occurrence, zone)
    found = [] if booked else schedules.candidates(connection, now)
    return NextSlot(slot=slot, occurrence=occurrence, takes=found[0] if found else "", booked=booked)


def _booked_for(connection: Connection, occurrence: Occurrence, zone: ZoneInfo) -> str:
    """Return the issue that the owner has booked or sent herself on a slot's date, "" if none."""
    start, end = (
        resolve(datetime.combine(occurrence.date + timedelta(days=days), time()), zone).instant
        for days in (0, 1)
    )
    return schedules.is_taken(connection, start, end)


def _watched(slot: Slot) -> str:
    return f"slot {slot}"
