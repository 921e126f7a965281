"""Appointments whose time has come: each gets its campaign, once, or is declared missed.

waiting -> started, and the campaign is made: one transaction. Whoever is killed before it leaves the
appointment waiting; whoever is killed after it leaves an open campaign, which the next round goes on with.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from newsletter import pipeline
from newsletter.delivery.owners import this_process
from newsletter.delivery.tending import take
from newsletter.due.enlisting import give_when_let_go
from newsletter.due.news import News, Tally
from newsletter.due.outlook import may_go_at
from newsletter.due.telling import tell_trouble
from newsletter.errors import NewsletterError, UsageError
from newsletter.readying import Ready
from newsletter.schedule import booking, turns
from newsletter.settings import duration
from newsletter.store import approvals, schedules
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.store.schedules import Appointment, AppointmentState
from newsletter.wiring import Services

__all__ = ["begin_due", "booked", "by_hand"]


class _TakenByAnotherError(Exception):
    """Another scheduler has started the appointment, or the owner has taken it back."""


class _TooLateError(Exception):
    """This process stood still between looking at the clock and starting."""


def booked(services: Services, ready: Ready) -> str:
    """Return the time that an issue is booked for, in words; "" if it is not."""
    with reading(services.engine) as connection:
        waiting = schedules.waiting(connection, ready.issue.slug)
    return waiting.wall if waiting is not None and waiting.segment == ready.segment else ""


def by_hand(services: Services, ready: Ready) -> Callable[[Connection, Campaign], None]:
    """Return what belongs to a send that the owner begins herself, for ``pipeline.start``.

    The issue no longer waits for its appointment, and no scheduler goes on with the send meanwhile.
    """

    def also(connection: Connection, campaign: Campaign) -> None:
        booking.settle_by_hand(connection, ready.issue.slug, ready.segment, campaign.id, services.clock())
        take(connection, campaign.id, this_process(), services.clock)

    return also


def begin_due(services: Services, tally: Tally) -> None:
    """Let the slot take its turn, then start each appointment that is due or declare it missed."""
    _take_turn(services, tally)
    settings, now = services.settings, services.clock()
    with reading(services.engine) as connection:
        waiting = [(each, may_go_at(connection, each, settings)) for each in schedules.due(connection, now)]
    for appointment, at in waiting:
        if now < at:
            continue
        if now - at > duration(settings.schedule.max_late):
            _miss(services, appointment, tally)
        else:
            _start(services, appointment, tally)


def _take_turn(services: Services, tally: Tally) -> None:
    """Write down what the slot's newest date comes to, unless another process has."""
    settings, now = services.settings, services.clock()
    with reading(services.engine) as connection:
        if turns.is_watched(connection, settings) and turns.turn(connection, settings, now) is None:
            return
    with services.engine.begin() as connection:
        turns.watch(connection, settings, now)
        turn = turns.turn(connection, settings, now)
        made = None if turn is None else schedules.book(connection, turn.booking, now, state=turn.state)
    if made is not None and made.state is not AppointmentState.WAITING:
        _say(made, tally)


def _start(services: Services, appointment: Appointment, tally: Tally) -> None:
    with reading(services.engine) as connection:
        approval = approvals.approved(connection, appointment.slug)
    try:
        if approval is None:
            raise UsageError(
                f"{appointment.slug} is not approved.", hint=f"newsletter approve {appointment.slug}"
            )
        ready = Ready(issue=approval.issue, findings=(), segment=appointment.segment)
        campaign = pipeline.start(services, ready, also=_starting(services, appointment))
    except _TakenByAnotherError:
        return
    except _TooLateError:
        _miss(services, appointment, tally)
        return
    except NewsletterError as error:
        text = f"{appointment.slug} is due and cannot go: {error}"
        news = News(what="held", issue=appointment.slug, text=text, warning=True)
        tell_trouble(services, f"appointment {appointment.id}", news, error, tally)
        tally.errors.append(error)
        return
    whom = appointment.segment or "everyone"
    tally(
        News(
            what="started",
            issue=appointment.slug,
            text=f"{appointment.slug} is due ({appointment.wall}) and goes to {whom}.",
            fields={
                "due": appointment.send_at.isoformat(),
                "campaign": campaign.key,
                "candidates": campaign.candidates,
            },
        )
    )


def _starting(services: Services, appointment: Appointment) -> Callable[[Connection, Campaign], None]:
    give = give_when_let_go(services, this_process())

    def also(connection: Connection, campaign: Campaign) -> None:
        now = services.clock()  # again: a sleeping computer may wake here
        at = may_go_at(connection, appointment, services.settings)
        if now - at > duration(services.settings.schedule.max_late):
            raise _TooLateError
        if not schedules.settle(
            connection, appointment.id, to=AppointmentState.STARTED, now=now, campaign_id=campaign.id
        ):
            raise _TakenByAnotherError
        take(connection, campaign.id, this_process(), services.clock)
        give(connection, campaign)

    return also


def _miss(services: Services, appointment: Appointment, tally: Tally) -> None:
    with services.engine.begin() as connection:
        mine = schedules.settle(
            connection,
            appointment.id,
            to=AppointmentState.MISSED,
            now=services.clock(),
            reason=turns.ASLEEP,
        )
        missed = schedules.find(connection, appointment.id)
    if mine:
        _say(missed, tally)


def _say(settled: Appointment, tally: Tally) -> None:
    missed = settled.state is AppointmentState.MISSED
    text = (
        f"{settled.slug} was to go on {settled.wall}; that is too long ago, so the owner is asked."
        if missed
        else f"The slot on {settled.wall} came, and no issue was approved."
    )
    tally(
        News(
            what="missed" if missed else "skipped",
            issue=settled.slug,
            text=text,
            fields={"due": settled.send_at.isoformat(), "slot": settled.slot},
            warning=True,
        )
    )
