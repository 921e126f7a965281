"""Booking an issue for a time, and taking a booking back."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from newsletter.errors import UsageError
from newsletter.schedule.walls import When, shown
from newsletter.store import campaigns, schedules
from newsletter.store.schedules import Appointment, AppointmentState, Booking

__all__ = ["FRONT_MATTER", "book", "cancel", "follow_front_matter", "refuse_booking", "settle_by_hand"]

FRONT_MATTER: Final = "send_at"  #: the reason of a booking that the issue's own file asks for


def book(
    connection: Connection, slug: str, segment: str, when: When, now: datetime, *, reason: str = ""
) -> Appointment:
    """Book an issue and return the appointment. Raises UsageError as ``refuse_booking`` does."""
    refuse_booking(connection, slug, segment, when, now)
    booking = Booking(slug=slug, segment=segment, send_at=when.instant, wall=when.wall, reason=reason)
    made = schedules.book(connection, booking, now)
    if made is None:  # another process was faster
        refuse_booking(connection, slug, segment, when, now)
        raise UsageError(f"{slug} is being booked by another command.", hint="See: newsletter schedule list")
    return made


def refuse_booking(connection: Connection, slug: str, segment: str, when: When, now: datetime) -> None:
    """Raise UsageError if an issue cannot be booked: the time is past, it waits already, it was sent.

    Or, long ago, to others, of whom nobody knows any more who had it.
    """
    if when.instant <= now:
        raise UsageError(f"{when.wall} is past.", hint=f"Send it now: newsletter send {slug}")
    waiting = schedules.waiting(connection, slug)
    if waiting is not None:
        raise UsageError(
            f"{slug} is booked already, for {waiting.wall}.",
            hint=f"Take that back first: newsletter schedule cancel {slug}",
        )
    campaign = campaigns.find_campaign(connection, slug, segment)
    if campaign is not None:
        whom = segment or "everyone"
        raise UsageError(
            f"{slug} was already sent to {whom}."
            if not campaign.is_open
            else f"The send of {slug} to {whom} has begun; it is {campaign.state}.",
            hint=f"Nobody is mailed the same issue twice. See: newsletter status {slug}",
        )
    campaigns.refuse_compacted(connection, slug)


def follow_front_matter(
    connection: Connection, slug: str, segment: str, when: When | None, now: datetime
) -> str:
    """Make an issue that is being approved wait for the time its file asks for; say so in words, or "".

    when: None if its file names none. A booking made by hand stays as it is.
    """
    waiting = schedules.waiting(connection, slug)
    if waiting is not None and waiting.reason != FRONT_MATTER:
        return f"It stays booked for {waiting.wall}, to {waiting.segment or 'everyone'}."
    if waiting is not None and when is not None and waiting.send_at == when.instant:
        schedules.change(connection, slug, send_at=when.instant, wall=when.wall, segment=segment)
        return f"It stays booked for {waiting.wall}, as its send_at says."
    if when is None or when.instant <= now:
        why = "" if when is None else f"send_at is past ({when.wall}), so it is not booked."
        if waiting is None:
            return why
        _withdraw(connection, waiting, now, "send_at was taken out of the issue" if when is None else why)
        return f"Its booking for {waiting.wall} is cancelled. {why}".rstrip()
    if campaigns.find_campaign(connection, slug, segment) is not None:
        return "It was sent already, so it is not booked again."
    campaigns.refuse_compacted(connection, slug)
    if waiting is None:
        book(connection, slug, segment, when, now, reason=FRONT_MATTER)
    else:
        schedules.change(connection, slug, send_at=when.instant, wall=when.wall, segment=segment)
    return f"It goes on {when.wall}, as its send_at says. {when.remark}".rstrip()


def cancel(connection: Connection, slug: str, now: datetime, zone: ZoneInfo) -> Appointment:
    """Take back the booking of an issue and return it; also holds back an issue that only a slot would take.

    Raises UsageError if it is neither booked nor approved and unsent.
    """
    waiting = schedules.waiting(connection, slug)
    if waiting is not None:
        _withdraw(connection, waiting, now, "by the owner")
        return schedules.find(connection, waiting.id)
    if slug not in schedules.candidates(connection, now):
        raise UsageError(f"{slug} is not booked.", hint="See what is: newsletter schedule list")
    booking = Booking(slug=slug, segment="", send_at=now, wall=shown(now, zone), reason="by the owner")
    made = schedules.book(connection, booking, now, state=AppointmentState.CANCELLED)
    assert made is not None  # noqa: S101  (said to mypy: no constraint is on rows that do not wait)
    return made


def settle_by_hand(connection: Connection, slug: str, segment: str, campaign_id: int, now: datetime) -> bool:
    """Note that a booked issue is sent by the owner's own hand instead; return whether it was booked."""
    waiting = schedules.waiting(connection, slug)
    return (
        waiting is not None
        and waiting.segment == segment
        and schedules.settle(
            connection,
            waiting.id,
            to=AppointmentState.STARTED,
            now=now,
            reason="by hand",
            campaign_id=campaign_id,
        )
    )


def _withdraw(connection: Connection, waiting: Appointment, now: datetime, reason: str) -> None:
    if not schedules.settle(
        connection, waiting.id, to=AppointmentState.CANCELLED, now=now, reason=reason.rstrip(".")
    ):
        raise UsageError(
            f"The send of {waiting.slug} has just begun.",
            hint=f"Stop it: newsletter pause {waiting.slug}",
        )
