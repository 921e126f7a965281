"""What is booked, what the slot comes to next, and what is due now; and taking a booking back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.compose.issue_file import find_issue, slugs
from newsletter.model import CampaignState
from newsletter.schedule import booking
from newsletter.schedule.slots import upcoming
from newsletter.schedule.turns import NextSlot, next_slot, slot_of, turn, zone_of
from newsletter.settings import Settings, duration
from newsletter.store import campaigns, schedules
from newsletter.store.engine import reading
from newsletter.store.schedules import Appointment, AppointmentState
from newsletter.wiring import Services

__all__ = ["Outlook", "Unsent", "look", "may_go_at", "next_due", "take_back", "unsent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What is to come. waiting: by their times. missed: for the owner to decide.

    due: what a round would start now. under_way: sends that a round would go on with, and their states.
    """

    waiting: Sequence[Appointment]
    missed: Sequence[Appointment]
    slot: NextSlot | None
    due: Sequence[str]
    under_way: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsent:
    """Issues that were never sent. drafts: not approved yet. withheld: approved, but no slot takes them."""

    drafts: Sequence[str]
    withheld: Sequence[str]


def look(services: Services) -> Outlook:
    """Return what is to come, as things stand. Raises ConfigError if the slot cannot be read."""
    settings, now = services.settings, services.clock()
    with reading(services.engine) as connection:
        found = schedules.unsettled(connection)
        waiting = [each for each in found if each.state is AppointmentState.WAITING]
        due = [each.slug for each in waiting if may_go_at(connection, each, settings) <= now]
        taken = turn(connection, settings, now)
        if taken is not None and taken.state is AppointmentState.WAITING:
            due.append(taken.booking.slug)
        slot = next_slot(connection, settings, now)
    open_now = [each for each in campaigns.all_campaigns(services.engine) if each.is_open]
    under_way = {each.slug: each.state.value for each in open_now if each.state is not CampaignState.PAUSED}
    missed = [each for each in found if each.state is AppointmentState.MISSED]
    return Outlook(waiting=waiting, missed=missed, slot=slot, due=due, under_way=under_way)


def take_back(services: Services, reference: str) -> Appointment:
    """Take back the booking of an issue and return it. Raises UsageError if there is nothing to take back."""
    with reading(services.engine) as connection:
        booked = schedules.waiting(connection, reference)
    # a booked issue may be named even when its file is gone
    slug = reference if booked else find_issue(services.workspace, reference).stem
    with services.engine.begin() as connection:
        return booking.cancel(connection, slug, services.clock(), zone_of(services.settings))


def next_due(services: Services) -> datetime | None:
    """Return when something is due next, None if nothing is booked and there is no slot."""
    settings, now = services.settings, services.clock()
    slot = slot_of(settings)
    times = [] if slot is None else [upcoming(slot, zone_of(settings), now).at]
    with reading(services.engine) as connection:
        first = schedules.next_waiting(connection)
    return min([*times, *([first.send_at] if first else [])], default=None)


def may_go_at(connection: Connection, appointment: Appointment, settings: Settings) -> datetime:
    """Return when the first mail of an appointment may leave.

    That is its time, but never sooner than ``cooling_off`` after the owner's last word about it: the booking
    or the approval, and for a slot, which the owner does not book, the approval alone. As with a send by
    hand, mail that stays on this computer needs no cooling off.
    """
    if settings.sender.kind != "ses":
        return appointment.send_at
    approval = schedules.newest_approval(connection, appointment.slug)
    words = [] if appointment.slot else [appointment.created_at]
    words += [] if approval is None else [approval.at]
    cooled = [word + duration(settings.schedule.cooling_off) for word in words]
    return max(appointment.send_at, *cooled) if cooled else appointment.send_at


def unsent(services: Services) -> Unsent:
    """Return the issues of the workspace that were never sent and that no slot would take now."""
    begun = {each.slug for each in campaigns.all_campaigns(services.engine)}
    drafts: list[str] = []
    withheld: list[str] = []
    with reading(services.engine) as connection:
        ready = set(schedules.candidates(connection, services.clock()))
        for slug in slugs(services.workspace):
            if slug in begun or slug in ready or schedules.waiting(connection, slug) is not None:
                continue
            approval = schedules.newest_approval(connection, slug)
            (drafts if approval is None else withheld).append(slug)
    return Unsent(drafts=drafts[-5:], withheld=withheld[-5:])
