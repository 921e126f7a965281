"""How long a send will take and what it will cost, before it begins."""

from dataclasses import dataclass
from datetime import timedelta

from newsletter.ports import Allowance

__all__ = ["Forecast", "forecast"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """duration: None when there is no rate to go by. beyond_today: mails that the daily quota holds back.

    cost: US dollars.
    """

    mails: int
    duration: timedelta | None
    beyond_today: int
    cost: float

    def in_words(self) -> str:
        """Return one line for the owner, such as "about 49 min, about US$4.12"; "" if nothing is known."""
        words = []
        if self.duration is not None and self.mails:
            words.append(f"about {_span(self.duration)}")
        if self.cost:
            words.append(f"about US${self.cost:,.2f}")
        if self.beyond_today:
            words.append(f"{self.beyond_today:,} of them later, when the daily quota frees")
        return ", ".join(words)


def forecast(mails: int, allowance: Allowance, *, price_per_thousand: float) -> Forecast:
    """Return what sending so many mails will take at the account's allowance.

    price_per_thousand: US dollars for a thousand mails.

    >>> forecast(41_210, Allowance(per_second=14, today=None), price_per_thousand=0.1).in_words()
    'about 49 min, about US$4.12'
    """
    rate = allowance.per_second
    held_back = 0 if allowance.today is None else max(0, mails - int(allowance.today))
    days = 0.0 if not held_back or not allowance.today else float(-(-held_back // int(allowance.today)))
    return Forecast(
        mails=mails,
        duration=None if not rate else timedelta(seconds=mails / rate, days=days),
        beyond_today=held_back,
        cost=mails * price_per_thousand / 1000,
    )


def _span(span: timedelta) -> str:
    """Return a duration as people say it."""
    seconds = span.total_seconds()
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(1, seconds):.0f} s"
