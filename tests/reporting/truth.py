"""What a report must say, counted one row after the other from the lists of a World."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.reporting.world import World

__all__ = ["Truth"]

Rows = list[dict[str, Any]]


class Truth:
    """The truth about some campaigns of a World."""

    def __init__(self, world: World, campaigns: Sequence[int]) -> None:
        self.world, self.campaigns = world, campaigns
        self.deliveries: Rows = [row for row in world.rows["deliveries"] if row["campaign_id"] in campaigns]
        self.sent = {row["id"]: row for row in self.deliveries if row["state"] == "sent"}
        self.events: dict[int, Rows] = defaultdict(list)
        for event in world.rows["events"]:
            about = self.sent.get(event["delivery_id"])
            if about is not None and about["campaign_id"] == event["campaign_id"]:
                self.events[event["delivery_id"]].append(event)

    def standing(self) -> dict[str, int]:
        """Where everybody is, by state; those who were skipped by the reason of the newest campaign."""
        order = ["sent", "sending", "uncertain", "queued", "failed", "skipped"]
        best: dict[int, dict[str, Any]] = {}
        for row in self.deliveries:
            rank = (order.index(row["state"]), -row["campaign_id"])
            before = best.get(row["subscriber_id"])
            if before is None or rank < (order.index(before["state"]), -before["campaign_id"]):
                best[row["subscriber_id"]] = row
        return dict(
            Counter(row["reason"] if row["state"] == "skipped" else row["state"] for row in best.values())
        )

    def heard(self) -> dict[str, int]:
        """What the provider says."""
        found: Counter[str] = Counter()
        for delivery in self.sent:
            events = self.events[delivery]
            kinds, bounces = {event["kind"] for event in events}, {event["bounce"] for event in events}
            found["complaints"] += any(
                event["kind"] == "complaint" and not event["detail"].startswith("not-spam")
                for event in events
            )
            found["replies"] += "reply" in bounces
            found["ever_delayed"] += "delivery-delay" in kinds
            found[_fate(kinds, bounces)] += 1
        names = "delivered hard soft rejected delayed unheard complaints replies ever_delayed"
        return {name: found[name] for name in names.split()}

    def bounced(self) -> dict[int, dict[str, Any]]:
        """The event that tells why, by delivery: the last hard bounce, or else the last soft one."""
        found = {}
        for delivery, events in self.events.items():
            bounces = [event for event in events if event["bounce"] in ("hard", "soft")]
            hard = [event for event in bounces if event["bounce"] == "hard"]
            if bounces:
                found[delivery] = max(hard or bounces, key=lambda event: event["id"])
        return found

    def domains(self, fewest: int) -> dict[str, tuple[int, int, int]]:
        """People mailed, hard and soft bounces by domain; "" for domains of fewer people."""
        mailed = Counter(_domain(row["email_key"]) for row in self.sent.values())
        found: dict[str, tuple[int, int, int]] = {}
        hit: Counter[tuple[str, str]] = Counter()
        for delivery, event in self.bounced().items():
            hit[_domain(self.sent[delivery]["email_key"]), event["bounce"]] += 1
        for domain in {domain for domain, _ in hit}:
            name = domain if mailed[domain] >= fewest else ""
            before = found.get(name, (0, 0, 0))
            more = (mailed[domain], hit[domain, "hard"], hit[domain, "soft"])
            found[name] = (before[0] + more[0], before[1] + more[1], before[2] + more[2])
        return found

    def reached(self, kind: str, machine: int) -> tuple[int, int, dict[int, int]]:
        """People, times, and people by the hour of their first, since their campaign was started."""
        first: dict[int, datetime] = {}
        times = 0
        for delivery, events in self.events.items():
            mine = [each["at"] for each in events if (each["kind"], each["machine"]) == (kind, machine)]
            times += len(mine)
            if mine:
                first[delivery] = min(mine)
        hours = Counter(
            max(0, int((at - self._started(delivery)).total_seconds()) // 3600)
            for delivery, at in first.items()
        )
        return len(first), times, dict(sorted(hours.items()))

    def arrivals(self, width: int) -> tuple[dict[int, int], dict[int, int], int]:
        """Sent and delivered by span since the first mail of their campaign; and the fastest minute."""
        begun = {
            campaign: min(row["updated_at"] for row in self.sent.values() if row["campaign_id"] == campaign)
            for campaign in {row["campaign_id"] for row in self.sent.values()}
        }

        def span(delivery: int, at: datetime, size: int) -> int:
            start = begun[self.sent[delivery]["campaign_id"]].replace(microsecond=0)
            return max(0, int((at.replace(microsecond=0) - start).total_seconds())) // size

        sent = Counter(span(delivery, row["updated_at"], width) for delivery, row in self.sent.items())
        minutes = Counter(span(delivery, row["updated_at"], 60) for delivery, row in self.sent.items())
        first = {
            delivery: min(event["at"] for event in events if event["kind"] == "delivery")
            for delivery, events in self.events.items()
            if any(event["kind"] == "delivery" for event in events)
        }
        delivered = Counter(span(delivery, at, width) for delivery, at in first.items())
        return dict(sorted(sent.items())), dict(sorted(delivered.items())), max(minutes.values())

    def unsubscribed(self, since: datetime, until: datetime, zone: ZoneInfo) -> tuple[int, int, Any]:
        """Who left by our links, who otherwise in this time, and both by day of the zone."""
        marks = {f"link of {self.world.key(campaign)}" for campaign in self.campaigns}
        first: dict[int, tuple[datetime, bool]] = {}
        for row in self.world.rows["consent_events"]:
            ours = row["source"] in marks
            others = since <= row["at"] < until and not row["source"].startswith("link of ")
            if row["kind"] == "unsubscribed" and (ours or others):
                at, linked = first.get(row["subscriber_id"], (row["at"], False))
                first[row["subscriber_id"]] = (min(at, row["at"]), linked or ours)
        days: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
        for at, linked in first.values():
            days[at.astimezone(zone).date()][0 if linked else 1] += 1
        by_link = sum(linked for _, linked in first.values())
        return by_link, len(first) - by_link, [(day, *days[day]) for day in sorted(days)]

    def _started(self, delivery: int) -> datetime:
        at: datetime = self.world.rows["campaigns"][self.sent[delivery]["campaign_id"] - 1]["started_at"]
        return at


def _fate(kinds: set[str], bounces: set[str]) -> str:
    if "hard" in bounces:
        return "hard"
    if "soft" in bounces:
        return "soft"
    if kinds & {"reject", "rendering-failure"}:
        return "rejected"
    if "delivery" in kinds:
        return "delivered"
    return "delayed" if "delivery-delay" in kinds else "unheard"


def _domain(key: str) -> str:
    return key.rpartition("@")[2] if "@" in key else ""
