"""Listening: what the provider reports, who asks to leave by mail, the suppression list; no server needed.

queue (SQS) --> events, suppressions      inbox --> unsubscribed      SES's list <--> suppressions
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.settings import Settings
from newsletter.wiring import Services

__all__ = ["SYNC_EVERY", "Pulled", "beside", "is_listening", "pull"]

_POLL: Final = 5  # seconds of one call, so that a wish to stop is heard soon
_AGAIN: Final = 30.0  # seconds, after which a listener that failed tries again
SYNC_EVERY: Final = timedelta(minutes=10)  #: between two looks at SES's suppression list


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """What was heard.

    events: new ones; duplicates: that were known; ignored: bodies in the queue that are no events of SES.
    settled: deliveries that were uncertain and had been sent. suppressed, complained: addresses never mailed
    again, for a bounce or a complaint. unsubscribed: people, by mail. told: suppressions that SES was told.
    notes: what could not be done, in words.
    """

    events: int = 0
    duplicates: int = 0
    ignored: int = 0
    settled: int = 0
    suppressed: int = 0
    complained: int = 0
    unsubscribed: int = 0
    told: int = 0
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Pulled") -> "Pulled":
        """Return both together; a note that is in both stands once."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in self.counts()}
        return Pulled(**counts, notes=tuple(dict.fromkeys((*self.notes, *other.notes))))

    def counts(self) -> dict[str, int]:
        """Return the figures by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "notes"}


def is_listening(settings: Settings) -> bool:
    """Return whether there is anything to listen to."""
    return bool(settings.ses.events_queue_url or settings.inbox.kind)


def pull(
    services: Services,
    *,
    stop: Callable[[], bool],
    wait: int = 0,
    once: bool = True,
    sync_every: timedelta = SYNC_EVERY,
) -> Pulled:
    """Read the queue until it is empty, then the inbox; return what that came to.

    stop: asked between calls. wait: seconds to wait for a first event. once: False goes on until stop.
    sync_every: how long ago the suppression list of SES must have been looked at to do it again.

    Raises SendError or ConfigError if the queue or the inbox cannot be read, after having tried both; what
    was heard until then is kept.
    """
    total = _once(services, stop, wait, sync_every)
    while not once and not stop():
        total += _once(services, stop, max(wait, _POLL), sync_every)
    return total


@contextmanager
def beside(services: Services) -> Iterator[None]:
    """Listen in a thread while mail is sent to Amazon SES: the canary wants to hear of its bounces.

    What keeps it from hearing does not keep anybody from sending.
    """
    if services.settings.sender.kind != "ses" or not is_listening(services.settings):
        yield
        return
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            try:
                pull(services, stop=over.is_set, wait=_POLL, once=False)
            except Exception as failure:
                if not isinstance(failure, NewsletterError) and not over.is_set():
                    raise
                over.wait(_AGAIN)

    thread = threading.Thread(target=listen, name="listener", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(2)  # a call that waits for events may outlast that, and is let alone


def _once(services: Services, stop: Callable[[], bool], wait: int, sync_every: timedelta) -> Pulled:
    total = Pulled()
    failures: list[NewsletterError] = []
    parts: tuple[Callable[[], Pulled], ...] = (
        lambda: _queue(services, stop, wait),
        lambda: _inbox(services, stop),
        lambda: _suppressions(services, stop, sync_every),
    )
    for part in parts:
        try:
            total += part()
        except NewsletterError as failure:  # what is wrong with one must not make us deaf to the others
            failures.append(failure)
    if failures:
        raise failures[0]
    return total


def _queue(services: Services, stop: Callable[[], bool], wait: int) -> Pulled:
    url = services.settings.ses.events_queue_url
    if not url:  # nothing else waits: the inbox would be asked without pause
        for _ in range(wait):
            if not stop():
                services.sleep(1)
        return Pulled()
    from newsletter.feedback.keeping import keep_events
    from newsletter.feedback.queue import EventQueue, queue_config
    from newsletter.store.events import settle

    engine, fingerprints = services.engine, services.tokens.fingerprints
    total, left = Pulled(), wait
    with EventQueue(services._aws_client("sqs", queue_config()), url) as queue:
        while not stop():
            # a second at least: only a call that waits looks at all of the queue
            seconds = max(1, min(left, _POLL))
            batch = queue.receive(seconds)
            left = 0 if batch.messages else left - seconds
            if not batch.messages and left <= 0:
                break
            kept = keep_events(engine, batch.events, fingerprints=fingerprints, now=services.clock())
            queue.delete(batch)
            total += Pulled(
                events=kept.events,
                duplicates=kept.duplicates,
                ignored=batch.ignored,
                settled=kept.settled,
                suppressed=kept.suppressed,
                complained=kept.complained,
            )
    with engine.begin() as connection:  # what became uncertain after its event had come
        return total + Pulled(settled=settle(connection))


def _inbox(services: Services, stop: Callable[[], bool]) -> Pulled:
    inbox = services.settings.inbox
    if not inbox.kind:
        return Pulled()
    from newsletter.feedback.mail_sources import open_source
    from newsletter.feedback.mailto import read_inbox

    source = open_source(inbox, services.env, s3=lambda: services._aws_client("s3"))
    left = read_inbox(source, services.engine, services.tokens, services.clock, stop=stop)
    return Pulled(unsubscribed=left)


def _suppressions(services: Services, stop: Callable[[], bool], every: timedelta) -> Pulled:
    if services.settings.sender.kind != "ses" or stop():
        return Pulled()
    from newsletter.feedback.suppressions import is_due, suppression_config, synchronise

    client = services._aws_client("sesv2", suppression_config())
    now = services.clock()
    if not is_due(services.engine, client.meta.region_name, now=now, every=every):
        return Pulled()
    synced = synchronise(
        client,
        services.engine,
        fingerprints=services.tokens.fingerprints,
        now=now,
        sleep=services.sleep,
        stop=stop,
    )
    return Pulled(
        suppressed=synced.suppressed,
        complained=synced.complained,
        told=synced.told,
        notes=(synced.note,) if synced.note else (),
    )
