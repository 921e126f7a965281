"""The figures of a report, as values. None of them names a person.

    IssueFigures --< CampaignFigures        one issue; its sends apart (to a segment, anew after a cancel)
    YearFigures --< IssueFigures            a year's issues, without their details

Everywhere: people are counted, not mails or events, unless a name says ``times``. Instants are aware UTC.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from newsletter.model import CampaignState
from newsletter.reporting.accounting import Accounts
from newsletter.store.figures import DomainBounces, ReasonBounces
from newsletter.store.responses import LinkClicks, Responses
from newsletter.store.tallies import Tally

__all__ = [
    "CampaignFigures",
    "Growth",
    "Heard",
    "IssueFigures",
    "Pace",
    "Reach",
    "Timeline",
    "Unsubscribed",
    "YearFigures",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What the provider says of whom mail was sent to; the first six are exclusive and add up to ``sent``.

    hard, soft: the mail came back, also when a delivery was reported before. delayed: the provider is still
    trying. unheard: nothing was reported. complaints, replies (of absent people), ever_delayed: besides.
    """

    delivered: int = 0
    hard: int = 0
    soft: int = 0
    rejected: int = 0
    delayed: int = 0
    unheard: int = 0
    complaints: int = 0
    replies: int = 0
    ever_delayed: int = 0

    @property
    def bounced(self) -> int:
        """Whose mail came back."""
        return self.hard + self.soft

    @property
    def anything(self) -> bool:
        """Whether the provider has said anything at all."""
        return any(getattr(self, name) for name in self.__slots__ if name != "unheard")


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """How many were sent, and delivered, in each span of ``width`` seconds since the first mail, from 0."""

    width: int
    sent: Mapping[int, int]
    delivered: Mapping[int, int]

    def as_dict(self) -> dict[str, Any]:
        """Return the spans by the second that each begins at."""
        return {
            "width": self.width,
            "sent": [[place * self.width, number] for place, number in self.sent.items()],
            "delivered": [[place * self.width, number] for place, number in self.delivered.items()],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast it went. seconds: from the first mail to the last, pauses included.

    half_after, most_after: seconds from the first mail until 50 % and 95 % of all that were sent had been
    delivered, to the second if the send took less than ten minutes, else to the minute; None if not yet.
    """

    first: datetime
    last: datetime
    seconds: float
    per_second: float
    fastest_minute: int
    half_after: int | None
    most_after: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Opens, or clicks: by people and by machines, as far as they can be told apart. Never exact."""

    people: Responses = field(default_factory=Responses)
    machines: Responses = field(default_factory=Responses)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsubscribed:
    """Who unsubscribed because of the issue. by_link: by its own links; others: in its time, without a link.

    how: one-click, page, mailto, cli, … by_day: day, by its links, others.
    """

    by_link: int = 0
    others: int = 0
    how: Mapping[str, int] = field(default_factory=dict)
    by_day: Sequence[tuple[date, int, int]] = ()

    @property
    def total(self) -> int:
        """All of them."""
        return self.by_link + self.others


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """Who came to the list and who left it in a span of time, by reason. by_day: day, came, left.

    since: None for the beginning.
    """

    since: datetime | None
    until: datetime
    joined: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    by_day: Sequence[tuple[date, int, int]] = ()

    @property
    def came(self) -> int:
        """All who came."""
        return sum(self.joined.values())

    @property
    def went(self) -> int:
        """All who left."""
        return sum(self.left.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignFigures:
    """One send. opens, clicks: None if nobody counts them. unsubscribed: by its links."""

    segment: str
    state: CampaignState
    began: datetime
    accounts: Accounts
    heard: Heard
    pace: Pace | None
    opens: Reach | None
    clicks: Reach | None
    unsubscribed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueFigures:
    """An issue: all its sends together, everybody counted once.

    before: the issue before, "" if there was none. grown: from its first send to this one's; moved: since
    then, up to the next issue or to now. on_the_list: confirmed people, now.
    """

    slug: str
    title: str
    began: datetime
    as_of: datetime
    standing: Tally
    balances: bool
    heard: Heard
    pace: Pace | None
    timeline: Timeline | None
    reasons: Sequence[ReasonBounces]
    domains: Sequence[DomainBounces]
    opens: Reach | None
    clicks: Reach | None
    links: Sequence[LinkClicks]
    unsubscribed: Unsubscribed
    before: str
    grown: Growth
    moved: Growth
    on_the_list: int
    campaigns: Sequence[CampaignFigures]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values: instants in ISO 8601, spans in seconds; docs/reports.md."""
        return {
            "issue": self.slug,
            "title": self.title,
            "began": self.began.isoformat(),
            "as_of": self.as_of.isoformat(),
            "people": _standing(self.standing, self.balances),
            "heard": dataclasses.asdict(self.heard),
            "pace": _pace(self.pace),
            "timeline": None if self.timeline is None else self.timeline.as_dict(),
            "bounces": {"reasons": _plain(self.reasons), "domains": _plain(self.domains)},
            "opens": _plain(self.opens),
            "clicks": _plain(self.clicks),
            "links": _plain(self.links),
            "unsubscribed": {"total": self.unsubscribed.total, **_plain(self.unsubscribed)},
            "list": {
                "confirmed_now": self.on_the_list,
                "issue_before": self.before,
                "since_issue_before": _growth(self.grown),
                "since_this_issue": _growth(self.moved),
            },
            "campaigns": [
                {
                    "segment": campaign.segment,
                    "state": campaign.state.value,
                    "began": campaign.began.isoformat(),
                    **campaign.accounts.as_dict(),
                    "heard": dataclasses.asdict(campaign.heard),
                    "pace": _pace(campaign.pace),
                    "opens": _plain(campaign.opens),
                    "clicks": _plain(campaign.clicks),
                    "unsubscribed_by_link": campaign.unsubscribed,
                }
                for campaign in self.campaigns
            ],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class YearFigures:
    """The issues whose first send began in a year, oldest first."""

    year: int
    as_of: datetime
    issues: Sequence[IssueFigures]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values; each issue has the keys that its own report has."""
        return {
            "year": self.year,
            "as_of": self.as_of.isoformat(),
            "issues": [issue.as_dict() for issue in self.issues],
        }


def _standing(tally: Tally, balances: bool) -> dict[str, Any]:
    return {
        "candidates": tally.total,
        "sent": tally.sent,
        "failed": tally.failed,
        "skipped": dict(tally.skipped),
        "uncertain": tally.uncertain,
        "queued": tally.queued,
        "sending": tally.sending,
        "balances": balances,
    }


def _pace(pace: Pace | None) -> Any:
    if pace is None:
        return None
    return {**_plain(pace), "seconds": round(pace.seconds, 3), "per_second": round(pace.per_second, 3)}


def _growth(growth: Growth) -> dict[str, Any]:
    return {**_plain(growth), "came": growth.came, "went": growth.went}


def _plain(value: Any) -> Any:
    """Return dataclasses as objects, mappings with text keys, dates and instants in ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
