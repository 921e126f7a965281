"""Delivering: calls to the provider, several at once around one writer, until nothing is queued any more.

    stop? -> collect calls that ended -> record them and claim new ones (one commit) -> hand those out -> ...

Decisions.
- Any number of processes may deliver one campaign: the claim decides who has a row.
- A stop ends the run before the next claim; calls in flight are always seen to their end, whatever happens.
- A campaign that another process paused or cancelled is noticed at the next claim, which takes nothing.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import Engine

from newsletter.delivery.calling import Caller, LettersPress
from newsletter.delivery.canary import Canary
from newsletter.delivery.crew import Crew
from newsletter.delivery.ending import paused
from newsletter.delivery.hands import Hands, ThreadHands
from newsletter.delivery.owners import this_process
from newsletter.delivery.pacing import Pacer, shared_limit
from newsletter.delivery.processes import MANY, ProcessHands, worth_processes
from newsletter.delivery.progress import Meter, Progress
from newsletter.delivery.running import Run
from newsletter.delivery.writing import LEASE, Writer
from newsletter.errors import UsageError
from newsletter.model import CampaignState
from newsletter.ports import Clock, Sender
from newsletter.store import campaigns, guard
from newsletter.store.engine import reading
from newsletter.store.limits import Limit
from newsletter.store.tallies import queued_at_most

__all__ = ["deliver"]


def deliver(  # noqa: PLR0913  (everything from outside comes in as an argument)
    engine: Engine,
    campaign_id: int,
    *,
    sender: Sender,
    press: LettersPress,
    clock: Clock,
    stop: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    place: guard.Place | None = None,
    limit: Limit | None = None,
    threads: int | None = None,
    canary: Canary | None = None,
    wait: bool = False,
    recipe: Callable[[], Caller] | None = None,
    processes: int | None = None,
    lease: timedelta = LEASE,
    own: bool = False,
) -> Iterator[Progress]:
    """Deliver what is queued, yielding how far it is as calls end; ends when nothing is left to do.

    stop: asked before each claim and while waiting. place: default: where this database is used.
    limit: whose pace this is; default: that of the sender's kind. threads: default: as measured.
    wait: wait while the daily quota is used up, and go on by itself. recipe: makes the caller anew in another
    process, so that a long send may use every core; pickled. processes: how many with a recipe, 0 for this
    one alone; default: as many as are worth it. lease: how long a claim is ours before another host may take
    us for dead. own: say only what this run does (``progress.OwnMeter``), for one among many at a campaign.

    Raises Stopped when stopped or paused, Parked (a Stopped) when the daily quota is used up, SendError
    when the provider refuses the account, nothing gets through or the canary objects (the campaign is paused
    then), ConfigError when this is a restored copy of the database, UsageError when the campaign is not
    planned yet.
    """
    with reading(engine) as connection:
        campaign = campaigns.get_campaign(connection, campaign_id)
    if campaign.state is CampaignState.PLANNING:
        raise UsageError(
            f"The audience of {campaign.slug} is not planned to its end.",
            hint=f"Go on: newsletter resume {campaign.slug}",
        )
    if campaign.state is CampaignState.PAUSED:
        raise paused(campaign)
    if campaign.state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        yield Meter(engine, campaign_id, clock).show(rate=None)
        return
    place = place or guard.here(engine)
    guard.check_home(engine, place)
    guard.advance_epoch(engine, place)
    limit = limit or shared_limit(engine, sender.kind, "", clock)
    pacer = Pacer(sender.allowance, max_batch=sender.max_batch, limit=limit, clock=clock)
    writer = Writer(
        engine=engine,
        campaign=campaign,
        pacer=pacer,
        clock=clock,
        sleep=sleep,
        owner=this_process(),
        lease=lease,
    )
    caller = Caller(campaign_key=campaign.key, sender=sender, press=press, clock=clock)
    hands: Hands = ThreadHands(caller.hand_over)
    if recipe is not None:
        if processes is None:
            with reading(engine) as connection:
                queued = queued_at_most(connection, campaign_id, MANY)
            processes = worth_processes(sender.form, pacer.rate, queued)
        hands = ProcessHands(recipe, processes=processes) if processes else hands
    crew = Crew(hands, size=threads)
    try:
        yield from Run(writer, crew, stop=stop, place=place, canary=canary, wait=wait, own=own).steps()
    finally:
        crew.dismiss()
        guard.advance_epoch(engine, place)
