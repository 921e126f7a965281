"""Suppressions of ours and of the SES account, each told to the other.

    SES account list  --since the last time-->  suppressions, subscribers
    suppressions (bounce, complaint)  --since the last time-->  SES account list

Decisions. How far each way has come is a bookmark for each Region, kept in the database; both ways overlap a
little, because repeating is harmless and missing one is not. At most ``MOST_AT_ONCE`` are told to SES at a
time, with a pause after each, the rest the next time. What nobody wants any more on the one side is not taken
off the other. Where a permission is missing the mail goes on and a note says so: SES keeps its own list all
the same.
Source: SES Developer Guide, "Using the Amazon SES account-level suppression list".
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Connection, Engine

from newsletter.feedback.events import email_key
from newsletter.senders.outcomes import without_addresses
from newsletter.store.bookmarks import bookmark, set_bookmark
from newsletter.store.engine import reading
from newsletter.store.forgetting import Fingerprints, find_forgotten
from newsletter.store.suppressing import Reason, suppress, to_tell

__all__ = ["MOST_AT_ONCE", "Synced", "is_due", "suppression_config", "synchronise"]

MOST_AT_ONCE: Final = 500  #: addresses told to SES in one go
_PAUSE: Final = 0.05  # seconds after each
_OVERLAP: Final = timedelta(hours=1)
_FROM_SES: Final = "on the suppression list of Amazon SES"
_REASONS: Final[Mapping[str, Reason]] = {"BOUNCE": "bounce", "COMPLAINT": "complaint"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Synced:
    """What it came to, in addresses. told: to SES. note: why not, or not wholly; "" if nothing was wrong."""

    suppressed: int = 0
    complained: int = 0
    told: int = 0
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """How far each way has come; at: when both were last gone. None for never."""

    at: datetime | None = None
    heard: datetime | None = None
    told: datetime | None = None

    @classmethod
    def of(cls, connection: Connection, region: str) -> "_Place":
        text = bookmark(connection, _name(region))
        plain: dict[str, str] = json.loads(text) if text else {}
        return cls(**{name: datetime.fromisoformat(value) for name, value in plain.items()})

    def write(self, connection: Connection, region: str) -> None:
        moments = {"at": self.at, "heard": self.heard, "told": self.told}
        text = json.dumps({name: moment.isoformat() for name, moment in moments.items() if moment})
        set_bookmark(connection, _name(region), text)


def suppression_config() -> Config:
    """Return how the ``sesv2`` client must be made: all that is asked here may be asked twice."""
    return Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=30)


def is_due(engine: Engine, region: str, *, now: datetime, every: timedelta) -> bool:
    """Return whether the last time was long enough ago."""
    with reading(engine) as connection:
        last = _Place.of(connection, region).at
    return last is None or not timedelta() <= now - last < every


def synchronise(
    client: Any,
    engine: Engine,
    *,
    fingerprints: Fingerprints,
    now: datetime,
    sleep: Callable[[float], None],
    stop: Callable[[], bool] = lambda: False,
) -> Synced:
    """Tell each side what the other has learnt since the last time; return what that came to.

    client: boto3's ``sesv2``, made with ``suppression_config``. stop: asked between addresses.
    """
    region = client.meta.region_name
    with reading(engine) as connection:
        before = _Place.of(connection, region)
    heard, told, new = before.heard, before.told, {"bounce": 0, "complaint": 0}
    count, problem = 0, ""
    try:
        for page in _pages(client, before.heard):
            with engine.begin() as connection:
                for key, reason in page:
                    new[reason] += _take_over(connection, key, reason, fingerprints, now)
            if stop():
                break
        else:
            heard = now
    except (BotoCoreError, ClientError) as error:
        problem = _in_words(error, "ListSuppressedDestinations")
    try:
        for at in _tell(client, engine, before.told):
            told, count = at, count + 1
            sleep(_PAUSE)
            if stop():
                break
    except (BotoCoreError, ClientError) as error:
        problem = problem or _in_words(error, "PutSuppressedDestination")
    with engine.begin() as connection:
        _Place(at=now, heard=heard, told=told).write(connection, region)
    return Synced(suppressed=new["bounce"], complained=new["complaint"], told=count, note=problem)


def _pages(client: Any, since: datetime | None) -> Iterator[list[tuple[str, Reason]]]:
    """Yield what SES has put on its list since then, in the portions in which it gives it."""
    asked: dict[str, Any] = {} if since is None else {"StartDate": since - _OVERLAP}
    while True:
        answer = client.list_suppressed_destinations(**asked)
        found = [
            (email_key(each.get("EmailAddress")), _REASONS.get(each.get("Reason", ""), "bounce"))
            for each in answer.get("SuppressedDestinationSummaries", ())
        ]
        yield sorted(pair for pair in found if pair[0])
        if not answer.get("NextToken"):
            return
        asked["NextToken"] = answer["NextToken"]


def _take_over(
    connection: Connection, key: str, reason: Reason, fingerprints: Fingerprints, now: datetime
) -> bool:
    if find_forgotten(connection, key, fingerprints) is not None:
        return False
    return suppress(connection, key, reason, detail=_FROM_SES, how="suppression-list", now=now)


def _tell(client: Any, engine: Engine, since: datetime | None) -> Iterator[datetime]:
    """Put addresses of ours on SES's list; yield of each when it was suppressed."""
    after = None if since is None else since - _OVERLAP
    with reading(engine) as connection:
        ours = to_tell(connection, after, MOST_AT_ONCE, except_detail=_FROM_SES)
    for key, reason, at in ours:
        if "@" in key:
            try:
                client.put_suppressed_destination(EmailAddress=key, Reason=reason.upper())
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "BadRequestException":
                    raise  # one that SES does not take for an address is not mailed by it either
        yield at.astimezone(UTC)


def _in_words(error: Exception, operation: str) -> str:
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    if code in {"AccessDeniedException", "AccessDenied"}:
        return (
            f"The suppression list of Amazon SES was left alone: the permission ses:{operation} is missing."
        )
    return f"The suppression list of Amazon SES cannot be reached: {without_addresses(str(error))}"


def _name(region: str) -> str:
    return f"suppressed:{region}"[:32]
