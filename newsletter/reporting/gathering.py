"""From the store to the figures of a report, at one moment: one transaction that only reads."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from newsletter.errors import UsageError
from newsletter.model import SubscriberStatus
from newsletter.reporting import paces
from newsletter.reporting.accounting import accounts_of
from newsletter.reporting.comings import Comings
from newsletter.reporting.counting import sums_of
from newsletter.reporting.figures import (
    CampaignFigures,
    Heard,
    IssueFigures,
    Reach,
    YearFigures,
)
from newsletter.reporting.wording import cleaned
from newsletter.store.campaigns import Campaign, frozen_issue, get_campaign
from newsletter.store.engine import reading
from newsletter.store.movements import IssueSends, issues_sent, leavers
from newsletter.store.responses import Responses
from newsletter.store.subscribers import counts
from newsletter.store.sums import Attention, CampaignSums

__all__ = ["issue_figures", "year_figures"]


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """What a report is made with. issues: all that were ever sent. tracked: opens and clicks are counted."""

    connection: Connection
    issues: dict[str, IssueSends]
    on_the_list: int
    now: datetime
    tracked: dict[str, bool]
    comings: Comings

    def neighbours(self, slug: str) -> tuple[str, datetime]:
        """Return the issue before ("" if there is none), and until when this one was the newest."""
        order = list(self.issues)
        place = order.index(slug)
        last = place + 1 == len(order)
        return order[place - 1] if place else "", self.now if last else self.issues[order[place + 1]].began


def issue_figures(
    engine: Engine, slug: str, *, now: datetime, zone: ZoneInfo, opens: bool, clicks: bool
) -> IssueFigures:
    """Return all figures of an issue. zone: whose days are meant.

    opens, clicks: whether they are counted; if not, they are None unless the provider reports some all the
    same. Raises UsageError if the issue was never sent.
    """
    with reading(engine) as connection:
        desk = _desk(connection, now, zone, opens=opens, clicks=clicks)
        if slug not in desk.issues:
            raise UsageError(f"{slug} has not been sent.", hint=f"Send it: newsletter send {slug}")
        return _issue(desk, slug, detailed=True)


def year_figures(
    engine: Engine, year: int | None, *, now: datetime, zone: ZoneInfo, opens: bool, clicks: bool
) -> YearFigures:
    """Return the figures of the issues that began in a year of ``zone``, None for that of the newest issue.

    Their pace, timelines, bounces by reason and domain, and links are left out. Raises UsageError if there
    is none.
    """
    with reading(engine) as connection:
        desk = _desk(connection, now, zone, opens=opens, clicks=clicks)
        years = {slug: sends.began.astimezone(zone).year for slug, sends in desk.issues.items()}
        if not years:
            raise UsageError("Nothing has been sent yet.", hint="Send an issue: newsletter send latest")
        wanted = max(years.values()) if year is None else year
        slugs = [slug for slug, begun in years.items() if begun == wanted]
        if not slugs:
            known = ", ".join(str(each) for each in sorted(set(years.values())))
            raise UsageError(f"No issue was sent in {wanted}.", hint=f"Years with issues: {known}.")
        return YearFigures(
            year=wanted, as_of=now, issues=[_issue(desk, slug, detailed=False) for slug in slugs]
        )


def _desk(connection: Connection, now: datetime, zone: ZoneInfo, *, opens: bool, clicks: bool) -> _Desk:
    return _Desk(
        connection=connection,
        issues=issues_sent(connection),
        on_the_list=counts(connection)[SubscriberStatus.CONFIRMED],
        now=now,
        comings=Comings(connection, zone),
        tracked={"open": opens, "click": clicks},
    )


def _issue(desk: _Desk, slug: str, *, detailed: bool) -> IssueFigures:
    connection, sends = desk.connection, desk.issues[slug]
    before, until = desk.neighbours(slug)
    campaigns = [get_campaign(connection, number) for number in sends.campaigns]
    sums = sums_of(connection, campaigns, detailed=detailed)
    by_link_until = until if detailed and len(campaigns) > 1 else None
    apart = [_campaign(desk, campaign, sums.of(campaign.id), by_link_until) for campaign in campaigns]
    heard = Heard(
        **{name: sum(getattr(each.heard, name) for each in apart) for name in Heard.__dataclass_fields__}
    )
    all_tracks = paces.merge([each.track for each in sums.campaigns if each.track is not None])
    return IssueFigures(
        slug=slug,
        title=cleaned(frozen_issue(connection, sends.campaigns[0]).title),
        began=sends.began,
        as_of=desk.now,
        standing=sums.standing,
        balances=all(each.accounts.balances for each in apart),
        heard=heard,
        pace=paces.pace(all_tracks),
        timeline=paces.timeline(all_tracks),
        reasons=sums.reasons,
        domains=sums.domains,
        opens=_add([each.opens for each in apart]),
        clicks=_add([each.clicks for each in apart]),
        links=sums.links,
        unsubscribed=desk.comings.unsubscribed([each.key for each in campaigns], sends.began, until),
        before=before,
        grown=desk.comings.growth(desk.issues[before].began if before else None, sends.began),
        moved=desk.comings.growth(sends.began, until),
        on_the_list=desk.on_the_list,
        campaigns=apart,
    )


def _campaign(desk: _Desk, campaign: Campaign, sums: CampaignSums, until: datetime | None) -> CampaignFigures:
    """Return the figures of one send. until: count who left by its links; None for not."""
    connection = desk.connection
    standing = accounts_of(connection, campaign, sums.tally)
    found = sums.fates
    delivered = sums.delivered - found.also_delivered
    told = delivered + found.hard + found.soft + found.rejected + found.delayed
    by_link = [] if until is None else leavers(connection, [campaign.key], since=until, until=until)
    return CampaignFigures(
        segment=campaign.segment,
        state=campaign.state,
        began=campaign.created_at,
        accounts=standing,
        heard=Heard(
            delivered=delivered,
            hard=found.hard,
            soft=found.soft,
            rejected=found.rejected,
            delayed=found.delayed,
            unheard=standing.sent - told,
            complaints=found.complaints,
            replies=found.replies,
            ever_delayed=found.ever_delayed,
        ),
        pace=None if sums.track is None else paces.pace(sums.track),
        opens=_reach(sums.opens, tracked=desk.tracked["open"]),
        clicks=_reach(sums.clicks, tracked=desk.tracked["click"]),
        unsubscribed=sum(each.people for each in by_link),
    )


def _reach(found: Attention, *, tracked: bool) -> Reach | None:
    if not (tracked or found.people.times or found.machines.times):
        return None
    return Reach(people=found.people, machines=found.machines)


def _add(each: Iterable[Reach | None]) -> Reach | None:
    known = [reach for reach in each if reach is not None]
    if not known:
        return None

    def of(who: Callable[[Reach], Responses]) -> Responses:
        by_hour: Counter[int] = Counter()
        for reach in known:
            by_hour.update(who(reach).by_hour)
        return Responses(
            people=sum(who(reach).people for reach in known),
            times=sum(who(reach).times for reach in known),
            by_hour=dict(sorted(by_hour.items())),
        )

    return Reach(people=of(lambda reach: reach.people), machines=of(lambda reach: reach.machines))
