"""The SQS queue that carries the events: read by long polling, emptied only of what is committed.

Decisions
- Ten messages a call are the most that SQS gives, and a call takes as long as the network: while there is
  more, ten calls run at once, and deleting goes on beside the next ten. One call alone waits for the first
  message, so that an empty queue costs one.
- A body that is no event must not stay in the way. Known notices are deleted. Anything else is left where it
  is if the queue has a dead-letter queue, which takes it after some tries and keeps it; if it has none, it is
  deleted. Either way the log says so, without the content.

Source: SQS Developer Guide, "Short and long polling", "Dead-letter queues".
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from newsletter.errors import ConfigError, SendError
from newsletter.feedback.events import Unreadable, read_events
from newsletter.senders.outcomes import without_addresses
from newsletter.store.events import Event

__all__ = ["Batch", "EventQueue", "queue_config"]

_log = logging.getLogger(__name__)
_A_CALL: Final = 10  # messages that SQS gives and deletes in one call
_AT_ONCE: Final = 10  # calls
_LONGEST_POLL: Final = 20  # seconds


def queue_config() -> Config:
    """Return how the ``sqs`` client must be made. Reading and deleting may be tried again without harm."""
    return Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=5,
        read_timeout=_LONGEST_POLL + 10,
        max_pool_connections=2 * _AT_ONCE,
        tcp_keepalive=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What some calls gave. messages: none means that the queue is empty. ignored: bodies that are no events.

    receipts: of what may be deleted once the events are committed.
    """

    messages: int
    events: Sequence[Event]
    ignored: int
    receipts: Sequence[str] = field(repr=False)


class EventQueue:
    """Reads one queue; close it, or use it in a ``with``."""

    def __init__(self, client: Any, url: str) -> None:
        """client: boto3's ``sqs``, made with ``queue_config``."""
        self._client, self._url = client, url
        self._more = False  # whether the last look found as much as it can take
        self._deleting: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "_pool" in self.__dict__:
            self._pool.shutdown()
        if error is None:
            self._finish_deleting()

    def receive(self, wait: int) -> Batch:
        """Return what is in the queue, up to a hundred messages. wait: seconds for the first, 0 to 20.

        Raises SendError or ConfigError if the queue cannot be read.
        """
        messages = self._receive_many(_AT_ONCE) if self._more else []
        if not messages:
            messages = self._receive(wait)
            if len(messages) == _A_CALL:
                messages += self._receive_many(_AT_ONCE - 1)
        self._more = len(messages) == _AT_ONCE * _A_CALL
        found: list[Event] = []
        receipts: list[str] = []
        ignored = 0
        for message in messages:
            try:
                found += read_events(message["Body"])
            except Unreadable as reason:
                ignored += self._note(message, reason)
                if not reason.notice and self._has_dead_letters:
                    continue
            receipts.append(message["ReceiptHandle"])
        return Batch(messages=len(messages), events=found, ignored=ignored, receipts=receipts)

    def delete(self, batch: Batch) -> None:
        """Delete what a batch held, while the next is received. What cannot be deleted comes again.

        Raises SendError or ConfigError, at the latest at the next call or at the end, if SQS refuses.
        """
        self._finish_deleting()
        calls = [batch.receipts[at : at + _A_CALL] for at in range(0, len(batch.receipts), _A_CALL)]
        self._deleting = [self._pool.submit(self._delete, call) for call in calls]

    def _finish_deleting(self) -> None:
        deleting, self._deleting = self._deleting, []
        for call in deleting:
            call.result()

    def _receive_many(self, calls: int) -> list[Mapping[str, Any]]:
        return [message for found in self._pool.map(self._receive, [0] * calls) for message in found]

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(2 * _AT_ONCE, thread_name_prefix="events")

    @cached_property
    def _has_dead_letters(self) -> bool:
        try:
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
        except (BotoCoreError, ClientError):
            return False
        return bool(answer.get("Attributes", {}).get("RedrivePolicy"))

    def _receive(self, wait: int) -> list[Mapping[str, Any]]:
        answer = self._ask(
            self._client.receive_message,
            MaxNumberOfMessages=_A_CALL,
            WaitTimeSeconds=min(wait, _LONGEST_POLL),
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return list(answer.get("Messages", ()))

    def _delete(self, receipts: Sequence[str]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": each} for place, each in enumerate(receipts)]
        self._ask(self._client.delete_message_batch, Entries=entries)

    def _ask(self, operation: Callable[..., Any], **what: Any) -> Any:
        try:
            return operation(QueueUrl=self._url, **what)
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise ConfigError(
                "There are no AWS credentials to read the queue of events with.",
                hint="Run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ) from error
        except (BotoCoreError, ClientError) as error:
            raise SendError(
                f"The queue of events cannot be read: {without_addresses(str(error))}",
                hint="Check events_queue_url and region under [ses], and the permissions sqs:ReceiveMessage "
                "and sqs:DeleteMessage.",
            ) from error

    @staticmethod
    def _note(message: Mapping[str, Any], reason: Unreadable) -> int:
        """Log a body that is no event when it comes for the first time; return whether it does."""
        if int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1")) > 1:
            return 0
        body = str(message["Body"]).encode("utf-8", "replace")
        _log.log(
            logging.INFO if reason.notice else logging.WARNING,
            "A message in the queue is no event: %s (SQS message %s, %d bytes, SHA-256 %s)",
            reason,
            message.get("MessageId", ""),
            len(body),
            hashlib.sha256(body).hexdigest()[:16],
        )
        return 1
