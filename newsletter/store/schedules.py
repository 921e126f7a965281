"""Appointments: what is to be sent when. One row for each booking, and for each date of a slot.

    waiting --> started     in the transaction that makes its campaign: both happen or neither
       |`-----> missed      too late, and the owner is asked
       `------> cancelled
    skipped                 a date of a slot for which nothing was approved

Each arrow is a compare-and-set on ``waiting``, so that any number of schedulers is safe. A slot's date has
one row, by constraint; so has an issue that waits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, or_, select, update

from newsletter.store.sql import insert_or_ignore
from newsletter.store.tables import approvals, campaigns, notices, schedules

__all__ = [
    "Appointment",
    "AppointmentState",
    "Approved",
    "Booking",
    "book",
    "candidates",
    "change",
    "due",
    "find",
    "hold_all",
    "is_taken",
    "newest_approval",
    "next_waiting",
    "of_slot",
    "settle",
    "settled_since",
    "unsettled",
    "waiting",
]


class AppointmentState(StrEnum):
    """Where an appointment stands."""

    WAITING = "waiting"  #: its time has not come, or it could not be started yet
    STARTED = "started"  #: its campaign was made
    MISSED = "missed"  #: nobody started it in time; the owner decides
    SKIPPED = "skipped"  #: a slot's date with nothing to send
    CANCELLED = "cancelled"  #: taken back by the owner


@dataclass(frozen=True, kw_only=True, slots=True)
class Booking:
    """What an appointment is about. slug: "" where a slot found nothing. segment: "" for everyone.

    wall: send_at for people. slot, slot_date: of a slot's date, "" for a booking. reason: in words; of a
    waiting one, where its time comes from ("send_at" is the issue's front matter).
    """

    slug: str
    segment: str
    send_at: datetime
    wall: str
    slot: str = ""
    slot_date: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Appointment(Booking):
    """One appointment."""

    id: int
    state: AppointmentState
    campaign_id: int | None
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """An issue's newest approval, without its content."""

    slug: str
    segment: str
    at: datetime


_COLUMNS = [schedules.c[name] for name in Appointment.__dataclass_fields__]


def book(
    connection: Connection,
    booking: Booking,
    now: datetime,
    *,
    state: AppointmentState = AppointmentState.WAITING,
) -> Appointment | None:
    """Add an appointment and return it; None if the issue waits already, or the slot's date has its row."""
    values = {
        **asdict(booking),
        "state": state.value,
        "created_at": now,
        "settled_at": None if state is AppointmentState.WAITING else now,
    }
    insert = insert_or_ignore(connection, schedules).values(values).returning(*_COLUMNS)
    row = connection.execute(insert).one_or_none()
    return None if row is None else _appointment(row)


def change(connection: Connection, slug: str, *, send_at: datetime, wall: str, segment: str) -> bool:
    """Move the appointment that waits for an issue; return whether one did."""
    mine = and_(schedules.c.slug == slug, schedules.c.state == AppointmentState.WAITING.value)
    values = {"send_at": send_at, "wall": wall, "segment": segment}
    return connection.execute(update(schedules).where(mine).values(values)).rowcount == 1


def settle(
    connection: Connection,
    number: int,
    *,
    to: AppointmentState,
    now: datetime,
    reason: str = "",
    campaign_id: int | None = None,
) -> bool:
    """Set the state of an appointment if it still waits (compare-and-set); return whether it did."""
    mine = and_(schedules.c.id == number, schedules.c.state == AppointmentState.WAITING.value)
    values = {"state": to.value, "reason": reason, "campaign_id": campaign_id, "settled_at": now}
    return connection.execute(update(schedules).where(mine).values(values)).rowcount == 1


def find(connection: Connection, number: int) -> Appointment:
    """Return an appointment by its row. Raises LookupError if there is none."""
    for appointment in _all(connection, schedules.c.id == number):
        return appointment
    raise LookupError(f"no appointment {number}")


def waiting(connection: Connection, slug: str) -> Appointment | None:
    """Return the appointment that an issue waits for, or None."""
    found = _all(
        connection, and_(schedules.c.slug == slug, schedules.c.state == AppointmentState.WAITING.value)
    )
    return found[0] if found else None


def due(connection: Connection, now: datetime) -> Sequence[Appointment]:
    """Return the appointments that wait and whose time has come, in the order of their times."""
    return _all(
        connection, and_(schedules.c.state == AppointmentState.WAITING.value, schedules.c.send_at <= now)
    )


def next_waiting(connection: Connection) -> Appointment | None:
    """Return the appointment that comes first, or None."""
    found = _all(connection, schedules.c.state == AppointmentState.WAITING.value)
    return found[0] if found else None


def of_slot(connection: Connection, slot: str, slot_date: str) -> Appointment | None:
    """Return what became of a slot on a date, or None if nothing yet."""
    found = _all(connection, and_(schedules.c.slot == slot, schedules.c.slot_date == slot_date))
    return found[0] if found else None


def unsettled(connection: Connection) -> Sequence[Appointment]:
    """Return what waits, and what was missed and neither sent, booked nor approved again since."""
    later = schedules.alias()
    answered = or_(
        exists().where(campaigns.c.slug == schedules.c.slug, campaigns.c.created_at > schedules.c.settled_at),
        exists().where(later.c.slug == schedules.c.slug, later.c.id > schedules.c.id),
        exists().where(
            approvals.c.slug == schedules.c.slug,
            approvals.c.kind == "approved",
            approvals.c.at > schedules.c.settled_at,
        ),
    )
    missed = and_(schedules.c.state == AppointmentState.MISSED.value, ~answered)
    return _all(connection, or_(schedules.c.state == AppointmentState.WAITING.value, missed))


def settled_since(connection: Connection, since: datetime) -> Sequence[Appointment]:
    """Return what was missed or skipped since an instant."""
    states = [AppointmentState.MISSED.value, AppointmentState.SKIPPED.value]
    return _all(connection, and_(schedules.c.state.in_(states), schedules.c.settled_at >= since))


def candidates(connection: Connection, by: datetime) -> Sequence[str]:
    """Return the issues that a slot may take, in the order of their dates.

    Approved by an instant, never sent, not booked, and neither missed nor taken back since that approval.
    """
    booked = exists().where(
        schedules.c.slug == approvals.c.slug, schedules.c.state == AppointmentState.WAITING.value
    )
    withheld = exists().where(
        schedules.c.slug == approvals.c.slug,
        schedules.c.state.in_([AppointmentState.MISSED.value, AppointmentState.CANCELLED.value]),
        schedules.c.settled_at >= approvals.c.at,
    )
    sent = exists().where(campaigns.c.slug == approvals.c.slug)
    query = (
        select(approvals.c.slug)
        .where(approvals.c.kind == "approved", approvals.c.at <= by, ~booked, ~withheld, ~sent)
        .distinct()
        .order_by(approvals.c.slug)
    )
    return list(connection.execute(query).scalars())


def hold_all(connection: Connection, now: datetime, reason: str) -> Sequence[str]:
    """Let nothing go on schedule until the owner books or approves it again; return the issues held back.

    For a database that may not know what was sent: a restored one.
    """
    mine = schedules.c.state == AppointmentState.WAITING.value
    booked = connection.execute(
        update(schedules)
        .where(mine)
        .values(state=AppointmentState.CANCELLED.value, reason=reason, settled_at=now)
        .returning(schedules.c.slug)
    )
    held = set(booked.scalars())
    for slug in candidates(connection, now):
        booking = Booking(slug=slug, segment="", send_at=now, wall="", reason=reason)
        book(connection, booking, now, state=AppointmentState.CANCELLED)
        held.add(slug)
    # no date of a slot that has come by now
    connection.execute(update(notices).where(notices.c.key.startswith("slot ")).values(at=now))
    return sorted(held)


def is_taken(connection: Connection, start: datetime, end: datetime) -> str:
    """Return the issue that the owner has booked or sent herself between two instants, "" if none."""
    booked = [AppointmentState.WAITING.value, AppointmentState.STARTED.value, AppointmentState.MISSED.value]
    mine = (
        select(schedules.c.slug)
        .where(schedules.c.slot == "", schedules.c.state.in_(booked))
        .where(schedules.c.send_at >= start, schedules.c.send_at < end)
        .order_by(schedules.c.send_at)
        .limit(1)
    )
    by_a_slot = exists().where(schedules.c.campaign_id == campaigns.c.id, schedules.c.slot != "")
    sent = (
        select(campaigns.c.slug)
        .where(campaigns.c.created_at >= start, campaigns.c.created_at < end)
        .where(campaigns.c.state != "cancelled", ~by_a_slot)
        .order_by(campaigns.c.id)
        .limit(1)
    )
    found = connection.execute(mine).scalar_one_or_none()
    return found or connection.execute(sent).scalar_one_or_none() or ""


def newest_approval(connection: Connection, slug: str) -> Approved | None:
    """Return whom an issue was approved for last, and when; None if it never was."""
    row = connection.execute(
        select(approvals.c.segment, approvals.c.at)
        .where(approvals.c.slug == slug, approvals.c.kind == "approved")
        .order_by(approvals.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Approved(slug=slug, segment=row.segment, at=row.at)


def _all(connection: Connection, where: Any) -> Sequence[Appointment]:
    query = select(*_COLUMNS).where(where).order_by(schedules.c.send_at, schedules.c.id)
    return [_appointment(row) for row in connection.execute(query)]


def _appointment(row: Row[Any]) -> Appointment:
    plain = dict(row._mapping)
    return Appointment(**{**plain, "state": AppointmentState(plain["state"])})
