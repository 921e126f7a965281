"""Letters and clients for tests of senders."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from newsletter.model import BulkTemplate, Image, Letter
from newsletter.senders.ses import SesSender, client_config
from newsletter.settings import Ses

TAGS = {"campaign": "k3xw9q", "delivery": "42", "attempt": "1"}
MIME = b"From: hello@example.org\r\nTo: ada@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"


class StoppedClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@cache
def _session() -> Any:
    """One for all tests: reading the service's description takes longer than any test."""
    return boto3.session.Session(
        aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="not a secret", region_name="eu-central-1"
    )


def client(url: str, *, read_timeout: float = 0.5, **more: Any) -> Any:
    """Return a real client of boto3 with our settings, only less patient."""
    config = client_config().merge(Config(read_timeout=read_timeout, connect_timeout=0.5))
    return _session().client("sesv2", endpoint_url=url, config=config, **more)


def sender(url: str, form: str = "raw", *, clock: StoppedClock | None = None, **settings: Any) -> SesSender:
    """Return a sender on a real client."""
    return SesSender(
        client(url),
        Ses(**settings),
        "Ignite <hello@example.org>",
        "bulk" if form == "bulk" else "raw",
        clock=clock or StoppedClock(),
    )


def template(*, headers: dict[str, str] | None = None, images: tuple[Image, ...] = ()) -> BulkTemplate:
    """Return a small bulk template."""
    return BulkTemplate(
        subject="{{s}}",
        html="<p>{{h0}}</p>",
        text="{{t0}}",
        headers={"Reply-To": "answers@example.org", "List-Id": "<n.example.org>", **(headers or {})},
        defaults={"b0": "{{"},
        images=images,
    )


def letters(count: int, form: str = "raw") -> list[Letter]:
    """Return letters to reader1@example.org and so on."""
    shared = template() if form == "bulk" else None
    made = []
    for number in range(1, count + 1):
        to, tags = f"reader{number}@example.org", {**TAGS, "delivery": str(number)}
        if form == "bulk":
            values = {"s": "Hello", "h0": f"&lt;{number}", "t0": "x"}
            own = {"List-Unsubscribe": f"<mailto:leave@example.org?subject=unsubscribe%20{number}>"}
            made.append(Letter(to=to, tags=tags, template=shared, values=values, headers=own))
        else:
            made.append(Letter(to=to, tags=tags, mime=MIME))
    return made
