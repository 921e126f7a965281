"""What a round has to say while it works, and what it came to."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from newsletter.errors import NewsletterError

__all__ = ["Done", "Happened", "News", "Report", "Tally"]

Happened = Literal[
    "started",  # an appointment got its campaign
    "resumed",  # a campaign that nobody looked after is gone on with
    "given",  # a send is left to the workers
    "progress",  # now and then during a send
    "finished",  # a send has come to its end
    "waits",  # a send cannot go on now: paused, or the daily quota is used up
    "halted",  # a send was stopped by a fault, and is paused
    "held",  # an appointment is due and cannot be started
    "missed",  # an appointment is too late
    "skipped",  # a slot came and nothing was approved
    "told",  # the owner got a mail
    "untold",  # a mail to the owner was not taken
    "backup",  # a backup was made
]


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """One thing that happened. text: a sentence for people. fields: figures for a log. Never an address."""

    what: Happened
    issue: str = ""
    text: str
    fields: Mapping[str, object] = field(default_factory=dict)
    warning: bool = False


Report = Callable[[News], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a round came to. counts: of each kind of news. errors: what kept something from being sent.

    issues: that were begun or gone on with. given: those of them that were left to workers. uncertain:
    deliveries whose outcome nobody knows, of the sends that ended. next_due: when something is due next, None
    if nothing is booked.
    """

    counts: Mapping[str, int]
    issues: Sequence[str]
    given: Sequence[str]
    errors: Sequence[NewsletterError]
    uncertain: int
    next_due: datetime | None

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to do."""
        return not self.counts


class Tally:
    """Passes news on, and counts it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.counts: Counter[str] = Counter()
        self.issues: list[str] = []
        self.given: list[str] = []
        self.errors: list[NewsletterError] = []
        self.uncertain = 0

    def __call__(self, news: News) -> None:
        """Take one piece of news."""
        self.counts[news.what] += 1
        if news.what in ("started", "resumed", "given") and news.issue not in self.issues:
            self.issues.append(news.issue)
        if news.what == "given" and news.issue not in self.given:
            self.given.append(news.issue)
        self._report(news)

    def done(self, next_due: datetime | None) -> Done:
        """Return what it all came to."""
        return Done(
            counts=dict(self.counts),
            issues=tuple(self.issues),
            given=tuple(self.given),
            errors=tuple(self.errors),
            uncertain=self.uncertain,
            next_due=next_due,
        )
