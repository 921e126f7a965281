"""The figures in words: lines that the terminal and the page both show, so that they say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from newsletter.model import CampaignState
from newsletter.reporting.figures import (
    CampaignFigures,
    Growth,
    Heard,
    IssueFigures,
    Pace,
    Reach,
    Unsubscribed,
    YearFigures,
)
from newsletter.reporting.wording import day, duration, on, share

__all__ = [
    "UNRELIABLE",
    "Line",
    "Table",
    "attention",
    "audience_of",
    "domain_name",
    "left",
    "pace_in_words",
    "provider_says",
    "sends",
    "side_by_side",
    "verdict",
    "who_got_it",
    "why_they_came_and_went",
]

UNRELIABLE: Final = (
    "Opens are no measure of reading: mail programs load pictures by themselves, or never. What shows itself "
    "as a program is counted apart; the rest may be people."
)
_HOW: Final = {
    "one-click": "by the button of the mail program",
    "page": "by the link in the letter",
    "mailto": "by mail",
    "cli": "by you, on request",
    "import": "by an import",
}
_KINDS: Final = {
    "confirmed": "confirmed their sign-up",
    "added": "added by you",
    "imported": "imported",
    "unsubscribed": "unsubscribed",
    "complained": "reported spam",
    "bounced": "mailbox gone",
    "forgotten": "forgotten on request",
    "import-undone": "import undone",
}
_STATES: Final = {
    CampaignState.PLANNING: "not finished: the audience is being collected",
    CampaignState.SENDING: "not finished: being sent",
    CampaignState.PAUSED: "not finished: paused",
    CampaignState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """So many people, what they are, and their share of the whole as people read it ("" for none).

    tone: "good", "bad", or "" for neither.
    """

    people: int
    what: str
    share: str = ""
    tone: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Figures in rows; the first cell of each names it."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def who_got_it(figures: IssueFigures) -> list[Line]:
    """Return where everybody in the audience is. The lines add up to ``figures.standing.total``."""
    standing, whole = figures.standing, figures.standing.total
    rows = [
        (standing.sent, "sent", "good"),
        (standing.failed, "failed", "bad"),
        *((number, f"skipped, {reason}", "") for reason, number in sorted(standing.skipped.items())),
        (standing.uncertain, "uncertain", "bad"),
        (standing.queued, "queued", ""),
        (standing.sending, "in flight", ""),
    ]
    return [
        Line(people=number, what=what, share=share(number, whole), tone=tone)
        for number, what, tone in rows
        if number or what == "sent"
    ]


def provider_says(figures: IssueFigures) -> list[Line]:
    """Return what became of what was sent. Lines without a tone or share of their own are counted besides."""
    heard, whole = figures.heard, figures.standing.sent
    rows = [
        (heard.delivered, "delivered", "good"),
        (heard.hard, "bounced for good", "bad"),
        (heard.soft, "bounced for now", "bad"),
        (heard.rejected, "rejected by the provider", "bad"),
        (heard.delayed, "delayed, still being tried", ""),
        (heard.unheard, "nothing heard yet", ""),
    ]
    return [
        Line(people=number, what=what, share=share(number, whole), tone=tone)
        for number, what, tone in rows
        if number or what == "delivered"
    ] + [
        Line(
            people=heard.complaints,
            what="reported it as spam",
            share=share(heard.complaints, whole),
            tone="bad",
        )
    ]


def left(unsubscribed: Unsubscribed, sent: int) -> list[Line]:
    """Return who unsubscribed, by their way out."""
    return [
        Line(people=number, what=f"unsubscribed {_HOW.get(how, f'({how})')}", share=share(number, sent))
        for how, number in unsubscribed.how.items()
    ]


def attention(figures: IssueFigures) -> list[Line]:
    """Return who opened and clicked, people and machines apart; [] if nobody counts it."""
    whole = figures.standing.sent
    lines = []
    for reach, did in ((figures.opens, "opened"), (figures.clicks, "clicked")):
        if reach is not None:
            people, machines = reach.people.people, reach.machines.people
            lines += [
                Line(people=people, what=f"{did} by people, as it seems", share=share(people, whole)),
                Line(people=machines, what=f"{did} by programs", share=share(machines, whole)),
            ]
    return lines


def why_they_came_and_went(growth: Growth) -> list[Line]:
    """Return who came and who went, by reason; leaving counts as negative."""
    return [Line(people=number, what=_KINDS.get(kind, kind)) for kind, number in growth.joined.items()] + [
        Line(people=-number, what=_KINDS.get(kind, kind)) for kind, number in growth.left.items()
    ]


def pace_in_words(pace: Pace, heard: Heard) -> list[str]:
    """Return how fast it went, as sentences; nothing of deliveries if nothing is heard."""
    took = duration(pace.seconds)
    said = [
        f"Sent in {took}, {pace.per_second:,.1f} a second; {pace.fastest_minute:,} in the fastest minute."
    ]
    if not heard.anything:
        return said
    if pace.half_after is None:
        return [*said, "Half of it has not been delivered yet."]
    half = f"Half was delivered after {duration(pace.half_after)}"
    if pace.most_after is None:
        return [*said, f"{half}, 95 % not yet."]
    return [*said, f"{half}, 95 % after {duration(pace.most_after)}."]


def audience_of(campaign: CampaignFigures) -> str:
    """Return whom a send went to, and what hinders it."""
    state = _STATES.get(campaign.state, "")
    return (campaign.segment or "everyone") + (f" ({state})" if state else "")


def verdict(figures: IssueFigures) -> str:
    """Return what is wrong or unfinished, as a sentence; "" if nothing is."""
    if not figures.balances:
        return f"The accounts do not balance. Look closer: newsletter proof {figures.slug}"
    if doubtful := figures.standing.uncertain:
        return f"{doubtful:,} deliveries are uncertain. Settle them: newsletter resolve {figures.slug}"
    if figures.standing.sent and not figures.heard.anything:
        return "The provider has reported nothing about it. If it should have: newsletter events pull"
    return ""


def domain_name(domain: str) -> str:
    """Return a domain, or what stands for those of few people.

    >>> domain_name("example.org"), domain_name("")
    ('example.org', 'other domains')
    """
    return domain or "other domains"


def sends(figures: IssueFigures, zone: ZoneInfo) -> Table:
    """Return the sends of an issue, one below another; without rows if there is but one."""
    head = ("To", "Begun", "Sent", "Delivered", "Bounced", "Spam", "Left")
    rows = [
        (
            audience_of(each),
            day(each.began, zone),
            f"{each.accounts.sent:,}",
            f"{each.heard.delivered:,}",
            f"{each.heard.bounced:,}",
            f"{each.heard.complaints:,}",
            f"{each.unsubscribed:,}",
        )
        for each in figures.campaigns
    ]
    return Table(head=head, rows=rows if len(rows) > 1 else [])


def side_by_side(figures: YearFigures, zone: ZoneInfo) -> Table:
    """Return a year's issues, one below another; nothing where the provider has reported nothing.

    Opens and clicks are there if anybody counts them.
    """
    tracked = any(issue.opens or issue.clicks for issue in figures.issues)
    head = ["Issue", "Begun", "Sent", "Delivered", "Bounced", "Spam", "Left"]
    rows = []
    for issue in figures.issues:
        sent, heard = issue.standing.sent, issue.heard
        row = [
            issue.slug,
            on(issue.began.astimezone(zone).date()),
            f"{sent:,}",
            share(heard.delivered, sent) if heard.anything else "",
            share(heard.bounced, sent) if heard.anything else "",
            f"{heard.complaints:,}" if heard.anything else "",
            f"{issue.unsubscribed.total:,}",
        ]
        if tracked:
            row += [_reached(issue.opens, sent), _reached(issue.clicks, sent)]
        rows.append([*row, f"{issue.moved.came - issue.moved.went:+,}"])
    return Table(head=[*head, *(["Opened", "Clicked"] if tracked else []), "List"], rows=rows)


def _reached(reach: Reach | None, sent: int) -> str:
    return share(reach.people.people, sent) if reach else ""
