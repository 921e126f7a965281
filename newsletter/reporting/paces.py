"""How fast a send went: when mail was taken by the provider, and when it was delivered."""

from collections import Counter
from collections.abc import Sequence

from newsletter.reporting.figures import Pace, Timeline
from newsletter.store.tracks import MINUTE, Track

__all__ = ["merge", "pace", "timeline"]


def merge(tracks: Sequence[Track]) -> Track:
    """Return several sends as if all had begun at once, as coarse as the coarsest."""
    some = [each for each in tracks if each.first is not None]
    width = max((each.width for each in some), default=1)
    sent: Counter[int] = Counter()
    delivered: Counter[int] = Counter()
    for each in some:
        for total, counts in ((sent, each.sent), (delivered, each.delivered)):
            for place, number in counts.items():
                total[place * each.width // width] += number
    return Track(
        width=width,
        first=min((each.first for each in some if each.first), default=None),
        last=max((each.last for each in some if each.last), default=None),
        seconds=sum(each.seconds for each in some),
        sent=dict(sorted(sent.items())),
        delivered=dict(sorted(delivered.items())),
    )


def pace(one: Track) -> Pace | None:
    """Return how fast it went, None if nothing was sent."""
    if one.first is None or one.last is None:
        return None
    total = sum(one.sent.values())
    minutes: Counter[int] = Counter()
    for place, number in one.sent.items():
        minutes[place * one.width // MINUTE] += number
    return Pace(
        first=one.first,
        last=one.last,
        seconds=one.seconds,
        per_second=total / max(one.seconds, 1.0),
        fastest_minute=max(minutes.values()),
        half_after=_reached(one, total * 0.5),
        most_after=_reached(one, total * 0.95),
    )


def timeline(one: Track) -> Timeline | None:
    """Return what is drawn, None if nothing was sent."""
    if one.first is None:
        return None
    return Timeline(width=one.width, sent=one.sent, delivered=one.delivered)


def _reached(one: Track, enough: float) -> int | None:
    """Return after how many seconds so many had been delivered; None if they have not."""
    so_far = 0
    for place, number in one.delivered.items():
        so_far += number
        if so_far >= enough:
            return place * one.width
    return None
