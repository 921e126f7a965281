"""What a report takes from deliveries and events: counted from the rows, or the sums that stand for them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from newsletter.reporting.wording import cleaned
from newsletter.store import figures as store
from newsletter.store.campaigns import Campaign
from newsletter.store.responses import clicks_by_link, responses
from newsletter.store.sums import Attention, CampaignSums, IssueSums, stored
from newsletter.store.tallies import tally
from newsletter.store.tracks import track

__all__ = ["count", "sums_of"]

_MOST_NAMED: Final = 12  #: reasons and domains


def sums_of(connection: Connection, campaigns: Sequence[Campaign], *, detailed: bool) -> IssueSums:
    """Return the sums of an issue, which has these campaigns.

    detailed: with their pace, and with bounces by reason and domain, and links.
    """
    if campaigns[0].compacted_at is None:
        return count(connection, campaigns, detailed=detailed)
    kept = stored(connection, campaigns[0].slug)
    if detailed:
        return kept
    apart = [replace(each, track=None) for each in kept.campaigns]
    return IssueSums(campaigns=apart, standing=kept.standing)


def count(connection: Connection, campaigns: Sequence[Campaign], *, detailed: bool = True) -> IssueSums:
    """Return the sums, counted from the rows. Reads all of them, several times."""
    apart = [_campaign(connection, campaign, detailed=detailed) for campaign in campaigns]
    numbers = [campaign.id for campaign in campaigns]
    standing = apart[0].tally if len(apart) == 1 else store.tally_together(connection, numbers)
    if not detailed:
        return IssueSums(campaigns=apart, standing=standing)
    hard, soft = sum(each.fates.hard for each in apart), sum(each.fates.soft for each in apart)
    return IssueSums(
        campaigns=apart,
        standing=standing,
        reasons=_reasons(connection, numbers, hard, soft) if hard or soft else [],
        domains=_domains(connection, numbers) if hard or soft else [],
        links=[replace(link, link=cleaned(link.link)) for link in clicks_by_link(connection, numbers)],
    )


def _campaign(connection: Connection, campaign: Campaign, *, detailed: bool) -> CampaignSums:
    number = campaign.id
    course = track(connection, number) if detailed else None
    return CampaignSums(
        number=number,
        tally=tally(connection, number),
        delivered=store.count_delivered(connection, number)
        if course is None
        else sum(course.delivered.values()),
        fates=store.fates(connection, number),
        opens=_attention(connection, campaign, "open"),
        clicks=_attention(connection, campaign, "click"),
        track=course,
    )


def _attention(connection: Connection, campaign: Campaign, kind: str) -> Attention:
    begun = campaign.started_at or campaign.created_at
    people, machines = responses(connection, campaign.id, kind, begun)
    return Attention(people=people, machines=machines)


def _reasons(
    connection: Connection, numbers: Sequence[int], all_hard: int, all_soft: int
) -> list[store.ReasonBounces]:
    """Return the reasons that most people's mail came back for; the rest as "Other reasons"."""
    merged: dict[str, tuple[int, int]] = {}
    for found in store.bounces_by_reason(connection, numbers):
        name = cleaned(found.reason).removeprefix("smtp; ") or "Another reason"
        hard, soft = merged.get(name, (0, 0))
        merged[name] = (hard + found.hard, soft + found.soft)
    named = [store.ReasonBounces(reason=name, hard=hard, soft=soft) for name, (hard, soft) in merged.items()]
    named = sorted(named, key=lambda each: (-each.hard - each.soft, each.reason))[:_MOST_NAMED]
    hard = all_hard - sum(each.hard for each in named)
    soft = all_soft - sum(each.soft for each in named)
    rest = [store.ReasonBounces(reason="Other reasons", hard=hard, soft=soft)] if hard or soft else []
    return named + rest


def _domains(connection: Connection, numbers: Sequence[int]) -> list[store.DomainBounces]:
    """Return the domains at which most mail came back; the rest, and those of few people, as ""."""
    found = store.bounces_by_domain(connection, numbers)
    named = [replace(each, domain=cleaned(each.domain)) for each in found if each.domain]
    others = named[_MOST_NAMED:] + [each for each in found if not each.domain]
    rest = store.DomainBounces(
        domain="",
        mailed=sum(each.mailed for each in others),
        hard=sum(each.hard for each in others),
        soft=sum(each.soft for each in others),
    )
    return named[:_MOST_NAMED] + ([rest] if others else [])
