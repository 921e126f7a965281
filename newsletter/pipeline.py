"""READ FIRST: an issue's way from a file to everybody's inbox, without the detail.

    prepare    issues/2026-11-....md --compose--> CompiledIssue --checks--> findings   (readying)
    approve    the compiled issue is frozen: these bytes are what goes                 (readying)
    start      audience --plan--> one delivery row a person, content and audience frozen
    deliver    claim > personalise > send > record, at the account's rate, until nothing is queued
    standing   what became of it: the accounting identity                              (standing)

Each step is a function of the Services (``newsletter.wiring``) and of what the step before returned.
Trying an issue out without a campaign (render, test mail) is in ``newsletter.rehearsal``.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from newsletter import listening
from newsletter.delivery import catching_up, delivering, planning, steering
from newsletter.delivery.canary import Health, canary_for
from newsletter.delivery.forecast import Forecast, forecast
from newsletter.delivery.owners import this_process
from newsletter.delivery.pacing import shared_limit
from newsletter.delivery.progress import Progress
from newsletter.delivery.tending import keeping, tending
from newsletter.delivery.writing import LEASE
from newsletter.elsewhere import caller_of
from newsletter.people.segments import audience_of
from newsletter.personal.press import Press
from newsletter.readying import Ready
from newsletter.standing import newest
from newsletter.store import campaigns, events, freezing, guard
from newsletter.store.campaigns import Campaign
from newsletter.store.catching_up import count_missing
from newsletter.store.engine import reading
from newsletter.wiring import Services

__all__ = [
    "catch_up",
    "deliver",
    "existing_campaign",
    "expect",
    "missing",
    "preview",
    "resume",
    "start",
]


def preview(services: Services, ready: Ready) -> planning.Counts:
    """Return how many people would be mailed or skipped, and why; writes nothing."""
    who = audience_of(services.settings, ready.segment)
    return planning.preview_plan(services.engine, ready.issue.slug, audience=who)


def expect(services: Services, ready: Ready, mails: int) -> Forecast:
    """Return how long so many mails will take, and their cost. Raises SendError if the provider is silent."""
    ses = services.settings.sender.kind == "ses"
    price = services.settings.ses.price_per_thousand if ses else 0.0
    return forecast(mails, services.sender(ready.issue).allowance(), price_per_thousand=price)


def existing_campaign(services: Services, ready: Ready) -> Campaign | None:
    """Return the campaign that already sends, or has sent, this issue to this segment."""
    with reading(services.engine) as connection:
        return campaigns.find_campaign(connection, ready.issue.slug, ready.segment)


def start(
    services: Services, ready: Ready, *, also: Callable[[Connection, Campaign], None] | None = None
) -> Campaign:
    """Freeze the content and the audience in a campaign; one that was begun is planned to its end.

    Pictures and the page are published, nothing is mailed yet. No campaign begins if this copy of the
    database may not send, links cannot be signed, no letter can be made, or the account or a place to publish
    refuses. The page says when its campaign was made: that is the instant before it is published.
    also: done in the transaction that makes the campaign (``planning.begin``).
    """
    guard.check_home(services.engine, services.place)
    Press("raw", ready.issue, services.settings, services.tokens, "", services.clock)
    services.sender(ready.issue)
    fresh, now = existing_campaign(services, ready) is None, services.clock()
    who = audience_of(services.settings, ready.segment)
    if fresh:
        with reading(services.engine) as connection:
            freezing.refuse_unknowable(connection, ready.issue.slug, who)
        services.refuse_unfit(ready.issue)
    services.publish_pictures(ready.issue)
    services.publish_page(ready.issue, now if fresh else None)
    campaign = planning.begin(
        services.engine, ready.issue, segment=ready.segment, clock=lambda: now, also=also
    )
    with keeping(services.engine, campaign.id, this_process(), services.clock):
        return planning.plan(services.engine, campaign.id, audience=who, clock=services.clock)


def deliver(
    services: Services,
    campaign: Campaign,
    *,
    stop: Callable[[], bool],
    wait: bool = False,
    threads: int | None = None,
    processes: int | None = None,
    lease: timedelta = LEASE,
    own: bool = False,
) -> Iterator[Progress]:
    """Send what is queued, in the words that were frozen; yields as calls to the provider end.

    wait: wait while the daily quota is used up, and go on by itself. threads, processes, lease, own: as in
    ``delivery.delivering``. Raises Stopped when stop() said so, Parked when the quota is used up and nobody
    is to wait, SendError when the provider refuses the account.
    """
    with reading(services.engine) as connection:
        issue = campaigns.frozen_issue(connection, campaign.id)
    sender = services.sender(issue)
    press = Press(sender.form, issue, services.settings, services.tokens, campaign.key, services.clock)
    steps = delivering.deliver(
        services.engine,
        campaign.id,
        sender=sender,
        press=press,
        clock=services.clock,
        sleep=services.sleep,
        stop=stop,
        place=services.place,
        limit=shared_limit(services.engine, sender.kind, services.settings.ses.region, services.clock),
        canary=canary_for(services.settings.safety, health=partial(_health, services))
        if sender.kind == "ses"
        else None,
        wait=wait,
        threads=threads,
        recipe=partial(caller_of, services.workspace, services.env, issue, campaign.key, sender.form),
        processes=processes,
        lease=lease,
        own=own,
    )
    with listening.beside(services):
        yield from tending(services.engine, campaign, this_process(), services.clock, steps)


def _health(services: Services, campaign_id: int) -> Health | None:
    """Return how a campaign's mail fares, as the provider has reported up to now; None if it does not."""
    with reading(services.engine) as connection:
        found = events.health(connection, campaign_id)
    if found is not None:
        accepted, bounced, complained = found
        return Health(accepted=accepted, bounced=bounced, complained=complained)
    # the first reports take a moment: wait for them, if there is where they could come from
    listens = listening.is_listening(services.settings)
    return Health(accepted=0, bounced=0, complained=0) if listens else None


def resume(services: Services, reference: str) -> Campaign:
    """Let an issue's newest campaign go on, planned to its end. Raises UsageError if it was never sent."""
    campaign = steering.resume(services.engine, newest(services, reference).id, clock=services.clock)
    return campaign if campaign.planned else _plan_again(services, campaign)


def missing(services: Services, reference: str, *, joined: bool) -> tuple[Campaign, int]:
    """Return the newest campaign of an issue and how many it did not reach who may be mailed now.

    joined: count those, too, who subscribed since. Writes nothing. Raises UsageError if it is not finished.
    """
    campaign = newest(services, reference)
    catching_up.refuse_unfinished(campaign)
    who = audience_of(services.settings, campaign.segment)
    with reading(services.engine) as connection:
        return campaign, count_missing(connection, campaign, who if joined else None)


def catch_up(services: Services, campaign: Campaign, *, joined: bool) -> Campaign:
    """Open a finished campaign again for those whom it did not reach, planned to its end."""
    opened = catching_up.catch_up(services.engine, campaign, joined=joined, clock=services.clock)
    return _plan_again(services, opened)


def _plan_again(services: Services, campaign: Campaign) -> Campaign:
    with reading(services.engine) as connection:
        issue = campaigns.frozen_issue(connection, campaign.id)
    return start(services, Ready(issue=issue, findings=(), segment=campaign.segment))
