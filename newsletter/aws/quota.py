"""How much the account may still send, and when an issue of so many mails would be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.settings import Ses

__all__ = ["Quota", "ends", "in_words", "read_quota"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """per_second: our share. per_day, left: mails in 24 hours, less our reserve; None: no limit."""

    per_second: float
    per_day: int | None
    left: int | None


def read_quota(answer: Mapping[str, Any], settings: Ses) -> Quota:
    """Return what GetAccount says of the quota."""
    told = answer.get("SendQuota") or {}
    per_day, sent = float(told.get("Max24HourSend", 0)), float(told.get("SentLast24Hours", 0))
    reserve = per_day * settings.quota_reserve
    limited = per_day >= 0
    return Quota(
        per_second=float(told.get("MaxSendRate", 0)) * settings.share,
        per_day=int(per_day - reserve) if limited else None,
        left=max(0, int(per_day - reserve - sent)) if limited else None,
    )


def ends(need: int, quota: Quota, now: datetime) -> datetime | None:
    """Return when the last of so many mails would leave at the latest; None if it never would.

    The quota is that of the last 24 hours; when others' mails were sent is not known, so what is left goes
    now and the rest from 24 hours on.
    """
    if quota.per_second <= 0:
        return None
    if quota.left is None or quota.per_day is None or need <= quota.left:
        return now + timedelta(seconds=need / quota.per_second)
    if quota.per_day < 1:
        return None
    rest = need - quota.left
    whole_days = 1 + (rest - 1) // quota.per_day
    last = rest - (whole_days - 1) * quota.per_day
    return now + timedelta(days=whole_days, seconds=last / quota.per_second)


def in_words(need: int, quota: Quota, now: datetime, zone: ZoneInfo, *, what: str) -> str:
    """Return what it means for an issue, in one line.

    what: "this issue needs" or the like. zone: the newsletter's.

    >>> from datetime import UTC
    >>> quota = Quota(per_second=14, per_day=47_500, left=38_000)
    >>> in_words(41_210, quota, datetime(2026, 11, 24, 10, 36, tzinfo=UTC), ZoneInfo("UTC"), what="it needs")
    'it needs 41,210; 38,000 left today: ends Wednesday 10:39'
    """
    left = "no daily limit" if quota.left is None else f"{quota.left:,} left today"
    end = ends(need, quota, now)
    if end is None:
        return f"{what} {need:,}; {left}: it would never end"
    local = end.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    day = "today" if days == 0 else f"{local:%A}" if days < 7 else f"{local:%A %Y-%m-%d}"
    return f"{what} {need:,}; {left}: ends {day} {local:%H:%M}"
