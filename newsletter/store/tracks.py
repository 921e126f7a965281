"""How a send went over time: when mail was taken by the provider, and when it was delivered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from newsletter.store.figures import delivered_over_time, sent_over_time, sent_span

__all__ = ["MINUTE", "Track", "track"]

MINUTE: Final = 60
_SHORT: Final = 600  #: seconds; a send that took less is told by the second, others by the minute


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """One send, or several laid over one another: sent and delivered by span since the first mail of each.

    width: of a span, in seconds. first, last: of the mails sent, None if none was. seconds: between them, of
    several sends together.
    """

    width: int
    first: datetime | None
    last: datetime | None
    seconds: float
    sent: Mapping[int, int]
    delivered: Mapping[int, int]


def track(connection: Connection, campaign_id: int) -> Track:
    """Return the track of a campaign. Reads all its rows."""
    span = sent_span(connection, campaign_id)
    if span is None:
        return Track(width=1, first=None, last=None, seconds=0.0, sent={}, delivered={})
    seconds = (span.last - span.first).total_seconds()
    width = 1 if seconds < _SHORT else MINUTE
    return Track(
        width=width,
        first=span.first,
        last=span.last,
        seconds=seconds,
        sent=sent_over_time(connection, campaign_id, span.first, width),
        delivered=delivered_over_time(connection, campaign_id, span.first, width),
    )
