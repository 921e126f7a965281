"""One round: begin what is due, and send what is under way and nobody looks after.

    begin -> remind and tell -> next untended campaign -> plan, back up, deliver -> begin -> ... -> none left

Sends follow one another, because they share the account's rate. What becomes due meanwhile is begun all the
same: its content and its audience are frozen then, and it goes as soon as there is room. Where workers live,
a send is left to them once it is planned and backed up, and the round goes on (``enlisting``).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from newsletter import pipeline
from newsletter.delivery import planning
from newsletter.delivery.owners import this_process
from newsletter.delivery.pacing import Parked
from newsletter.delivery.tending import keeping, take, untended
from newsletter.due.appointments import begin_due
from newsletter.due.backups import back_up_before
from newsletter.due.enlisting import (
    Relief,
    hand_over,
    keep,
    leave_alone,
    tell_end,
    tell_given,
    workers,
)
from newsletter.due.news import Done, News, Report, Tally
from newsletter.due.outlook import next_due
from newsletter.due.telling import remind, tell_settled, tell_trouble
from newsletter.errors import ConfigError, NewsletterError, Stopped
from newsletter.model import CampaignState
from newsletter.people.segments import audience_of
from newsletter.store import campaigns, guard
from newsletter.store.campaigns import Campaign
from newsletter.store.engine import reading
from newsletter.wiring import Services

__all__ = ["send_due"]

_LOOK_AGAIN: Final = timedelta(seconds=30)  # during a send, for what becomes due
_SAY: Final = timedelta(seconds=60)  # between two reports of progress


def send_due(services: Services, *, stop: Callable[[], bool], report: Report, wait: bool = False) -> Done:
    """Start what is due, go on with what was interrupted, and return what was done; often that is nothing.

    stop: asked all the time; calls in flight finish. wait: wait while the daily quota is used up.

    Raises Stopped when stop() ended a send half-way; ConfigError if this copy of the database may not send,
    or the slot cannot be read. What keeps a single issue from going is in ``Done.errors``.
    """
    problems = guard.problems(services.engine, services.place)
    if problems:
        raise ConfigError(
            f"This copy of the database may not send. {' '.join(problems)}",
            hint="Nothing is done on schedule here. See: newsletter db adopt",
        )
    tally = Tally(report)
    _Round(services, stop, tally, wait).run()
    return tally.done(next_due(services))


class _Round:
    def __init__(self, services: Services, stop: Callable[[], bool], tally: Tally, wait: bool) -> None:
        self._services, self._stop, self._tally, self._wait = services, stop, tally, wait
        self._owner = this_process()
        self._tried: set[int] = set()
        self._begun_at = self._said_at = services.clock()

    def run(self) -> None:
        """Do everything that is due now."""
        self._begin()
        while not self._stop() and (found := self._next()) is not None:
            self._send(found)
            self._begin()

    def _begin(self) -> None:
        services = self._services
        begin_due(services, self._tally)
        tell_settled(services, self._tally)
        remind(services, self._tally)
        tell_given(services, self._tally)
        self._begun_at = services.clock()

    def _next(self) -> Campaign | None:
        """Return the next campaign that nobody looks after, and look after it; None if there is none."""
        services = self._services
        lost = untended(services.engine, self._owner, services.clock)
        live = workers(services) if lost else 0
        for number, dead in lost:
            if number in self._tried or (live and leave_alone(services, number, self._owner)):
                continue
            self._tried.add(number)
            with services.engine.begin() as connection:
                mine = take(connection, number, self._owner, services.clock, instead_of=dead)
                campaign = campaigns.get_campaign(connection, number)
            if mine and campaign.state in campaigns.UNDER_WAY:
                return campaign
        return None

    def _send(self, campaign: Campaign) -> None:
        """Send one campaign to its end, or to whatever keeps it from that; or leave it to the workers."""
        services, tally, slug = self._services, self._tally, campaign.slug
        relief = Relief(services)
        try:
            with keeping(services.engine, campaign.id, self._owner, services.clock):
                if campaign.state is CampaignState.PLANNING:
                    who = audience_of(services.settings, campaign.segment)
                    campaign = planning.plan(services.engine, campaign.id, audience=who, clock=services.clock)
                back_up_before(services, campaign, tally)
            if self._hand_over(campaign):
                return
            keep(services, campaign)
            steps = pipeline.deliver(
                services, campaign, stop=lambda: self._stop() or relief(), wait=self._wait
            )
            for step in steps:
                if slug not in tally.issues:
                    tally(News(what="resumed", issue=slug, text=f"The send of {slug} goes on."))
                self._between(campaign, step.done, step.total)
        except NewsletterError as error:
            if isinstance(error, Stopped) and self._stop():
                raise
            relieved = isinstance(error, Stopped) and relief.came and self._still_sends(campaign)
            if not (relieved and self._hand_over(campaign)):
                self._note(campaign, error)
        else:
            tell_end(services, campaign, tally)

    def _still_sends(self, campaign: Campaign) -> bool:
        with reading(self._services.engine) as connection:
            return campaigns.get_campaign(connection, campaign.id).state is CampaignState.SENDING

    def _hand_over(self, campaign: Campaign) -> bool:
        return hand_over(self._services, campaign, self._owner, self._tally)

    def _between(self, campaign: Campaign, done: int, total: int) -> None:
        """What is to be done while a send is under way."""
        now = self._services.clock()
        if now - self._said_at >= _SAY:
            self._said_at = now
            text = f"{campaign.slug}: {done:,} of {total:,}."
            fields = {"done": done, "total": total}
            self._tally(News(what="progress", issue=campaign.slug, text=text, fields=fields))
        if now - self._begun_at >= _LOOK_AGAIN:
            self._begin()

    def _note(self, campaign: Campaign, error: NewsletterError) -> None:
        """Say why a send did not come to its end."""
        slug = campaign.slug
        until = {"until": error.until.isoformat()} if isinstance(error, Parked) else {}
        if isinstance(error, Stopped):
            self._tally(News(what="waits", issue=slug, text=str(error), fields=until))
        else:
            news = News(what="halted", issue=slug, text=str(error), warning=True)
            tell_trouble(self._services, f"campaign {campaign.id}", news, error, self._tally)
        self._tally.errors.append(error)
