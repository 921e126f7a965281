"""What SES says later: events with our tags, in SNS's envelope, into an SQS queue; late, twice, out of order.

As with SES, only mails that name a configuration set have events, delivery is at least once, and the order is
anyone's guess. Shapes: SES Developer Guide, "Examples of event data that Amazon SES publishes to Amazon SNS".
A thread of its own sends them with boto3, ten at a time.
"""

import heapq
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from random import Random
from typing import Any

from tests.fakeses.calls import Call
from tests.fakeses.shapes import event_bodies

__all__ = ["EventPlan", "Events"]

_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class EventPlan:
    """Where events go, when, and what they say. Seconds are real ones, not the endpoint's clock.

    hard, soft, complaints: addresses that bounce or complain, besides those of SES's simulator.
    hard_share, soft_share, complaint_share: of all others, by chance.
    """

    queue_url: str
    endpoint_url: str  #: of SQS, such as moto's server
    region: str = "eu-central-1"
    seed: int = 0
    types: tuple[str, ...] = ("Send", "Delivery", "Bounce", "Complaint", "Rendering Failure")
    delay: float = 0.0  #: seconds that each event is late
    spread: float = 0.0  #: up to so many seconds more, by chance: what brings them out of order
    twice: float = 0.0  #: share that comes a second time, with a delay of its own
    lost: float = 0.0  #: share that never comes
    hard: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    hard_share: float = 0.0
    soft_share: float = 0.0
    complaint_share: float = 0.0
    raw: bool = False  #: RawMessageDelivery: without SNS's envelope

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "EventPlan":
        """Return the plan. Raises ValueError or TypeError for names that are not known or missing."""
        lists = {each.name for each in fields(cls) if isinstance(each.default, tuple)}
        values: dict[str, Any] = {
            name: tuple(value) if name in lists else value for name, value in given.items()
        }
        return cls(**values)

    def fate(self, address: str, chance: Random) -> str:
        """Return what becomes of a mail: "delivered", "hard", "soft" or "complaint"."""
        local, _, domain = address.partition("@")
        if domain == "simulator.amazonses.com":
            named = {"bounce": "hard", "suppressionlist": "hard", "ooto": "soft", "complaint": "complaint"}
            return named.get(local.partition("+")[0], "delivered")
        draw = chance.random()
        if address in self.hard or draw < self.hard_share:
            return "hard"
        if address in self.soft or draw < self.hard_share + self.soft_share:
            return "soft"
        if address in self.complaints or draw < self.hard_share + self.soft_share + self.complaint_share:
            return "complaint"
        return "delivered"


class Events:
    """Makes events and sends them when they are due."""

    def __init__(self) -> None:
        self._plan: EventPlan | None = None
        self._chance = Random(0)
        self._due: list[tuple[float, int, str]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._made = self._sent = self._failed = self._sending = 0
        self._open = True

    @property
    def wanted(self) -> bool:
        """Whether anybody wants events."""
        return self._plan is not None

    def use(self, plan: EventPlan) -> None:
        """Send events of what is accepted from now on as planned."""
        with self._changed:
            self._plan, self._chance = plan, Random(f"events:{plan.seed}")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fakeses-events", daemon=True)
                self._thread.start()

    def of_lines(self, lines: Sequence[Mapping[str, Any]], call: Call) -> None:
        """Make the events of accepted mails (lines of the log)."""
        plan = self._plan
        if plan is None:
            return
        with self._changed:
            now = time.monotonic()
            for line in lines:
                fate = plan.fate(line["address"], self._chance)
                for kind, body in event_bodies(line, call, fate):
                    if kind not in plan.types or self._chance.random() < plan.lost:
                        continue
                    message = (
                        body
                        if plan.raw
                        else _envelope(body, str(uuid.UUID(int=self._chance.getrandbits(128))))
                    )
                    for _ in range(2 if self._chance.random() < plan.twice else 1):
                        self._made += 1
                        when = now + plan.delay + self._chance.random() * plan.spread
                        heapq.heappush(self._due, (when, self._made, message))
            self._changed.notify()

    def release(self) -> None:
        """Make all that are waiting due at once, in the order in which they would have come."""
        with self._changed:
            self._due = [(0.0, place, message) for place, (_, _, message) in enumerate(sorted(self._due))]
            self._changed.notify()

    def counts(self) -> dict[str, int]:
        """Return how many were made, sent, given up, and wait."""
        with self._changed:
            waiting = len(self._due) + self._sending
            return {"made": self._made, "sent": self._sent, "failed": self._failed, "waiting": waiting}

    def reset(self) -> None:
        """Forget those that wait, and the counts."""
        with self._changed:
            self._due.clear()
            self._made = self._sent = self._failed = 0
            if self._plan is not None:
                self._chance = Random(f"events:{self._plan.seed}")

    def close(self) -> None:
        """Send no more; those that wait are lost."""
        with self._changed:
            self._open = False
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        clients: dict[tuple[str, str], Any] = {}
        while True:
            with self._changed:
                while self._open and not (self._due and self._due[0][0] <= time.monotonic()):
                    self._changed.wait(max(0.0, self._due[0][0] - time.monotonic()) if self._due else None)
                if not self._open or self._plan is None:
                    break
                plan, now = self._plan, time.monotonic()
                ready: list[str] = []
                while self._due and self._due[0][0] <= now and len(ready) < 10:
                    ready.append(heapq.heappop(self._due)[2])
                self._sending = len(ready)
            where = (plan.endpoint_url, plan.region)
            if where not in clients:
                clients[where] = _client(*where)
            sent = _send(clients[where], plan.queue_url, ready)
            with self._changed:
                self._sending = 0
                self._sent += sent
                self._failed += len(ready) - sent
        for client in clients.values():
            client.close()


def _client(endpoint_url: str, region: str) -> Any:
    import boto3  # here: only who wants events pays for it

    return boto3.session.Session(
        aws_access_key_id="fakeses", aws_secret_access_key="fakeses", region_name=region
    ).client("sqs", endpoint_url=endpoint_url)


def _send(client: Any, queue_url: str, bodies: Sequence[str]) -> int:
    """Return how many of at most ten messages the queue took, after a few attempts."""
    left = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    for attempt in range(_ATTEMPTS):
        time.sleep(attempt * 0.1)
        try:
            answer = client.send_message_batch(QueueUrl=queue_url, Entries=left)
        except Exception:
            continue
        failed = {entry["Id"] for entry in answer.get("Failed", ())}
        left = [entry for entry in left if entry["Id"] in failed]
        if not left:
            break
    return len(bodies) - len(left)


def _envelope(message: str, message_id: str) -> str:
    stamp = json.loads(message)["mail"]["timestamp"]
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": "arn:aws:sns:eu-central-1:123456789012:newsletter-events",
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": stamp,
            "SignatureVersion": "1",
            "Signature": "RkFLRQ==",
            "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-fake.pem",
            "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
        }
    )
