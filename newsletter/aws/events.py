"""The way that events take to us: configuration set, event destination, topic, subscription, queue."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from newsletter.aws.asking import Aws, Refused, ask, ask_or_none
from newsletter.aws.looking import Queue, Subscription, look_at_queue, subscriptions_of
from newsletter.aws.names import EVENT_TYPES
from newsletter.aws.remarks import error, note, warning, well
from newsletter.model import Finding
from newsletter.settings import Settings

__all__ = ["CONFIGURATION_SET", "look_at_configuration_set", "look_at_events", "look_at_waiting"]

CONFIGURATION_SET: Final = "ses-configuration-set"
NOBODY_LISTENS: Final = "events-unheard"
DESTINATION: Final = "ses-event-destination"
SUBSCRIPTION: Final = "sns-subscription"
QUEUE: Final = "sqs-queue"
DEAD_LETTERS: Final = "sqs-dead-letters"

_SETUP = "newsletter aws setup"
_GRAVE: Final = frozenset({"BOUNCE", "COMPLAINT"})


def look_at_configuration_set(aws: Aws, name: str) -> Iterator[Finding]:
    """Yield whether mail that names this configuration set may leave. Raises Refused."""
    where = f"[ses] configuration_set, {name}"
    there = ask_or_none(aws("sesv2"), "get_configuration_set", ConfigurationSetName=name)
    if there is None:
        what = f"Amazon does not know it in {aws('sesv2').meta.region_name}; mail that names it is refused."
        yield error(CONFIGURATION_SET, where, what, f"Make it: {_SETUP}, or correct the name.")
        return
    if not (there.get("SendingOptions") or {}).get("SendingEnabled", True):
        what = "is switched off; mail that names it is refused."
        mend = "Switch it on: newsletter aws setup, or SES console, Configuration sets."
        yield error(CONFIGURATION_SET, where, what, mend)
        return
    options = there.get("SuppressionOptions")
    missing = {"BOUNCE", "COMPLAINT"} - set((options or {}).get("SuppressedReasons") or ())
    if options is not None and missing:
        what = f"lets mail go to addresses after a {' or '.join(sorted(missing)).lower()}."
        yield warning(
            CONFIGURATION_SET, where, what, f"{_SETUP}, or SES console, Configuration sets, Suppression."
        )
    yield well(CONFIGURATION_SET, where, "is there and sends.")


def look_at_events(aws: Aws, settings: Settings) -> Iterator[Finding]:
    """Yield whether what Amazon reports reaches us. Raises Refused where it cannot be seen."""
    ses = settings.ses
    if not ses.configuration_set:
        what = "is empty: Amazon reports no bounce and no complaint. It pauses accounts that do not listen."
        yield error(NOBODY_LISTENS, "[ses] configuration_set", what, f"{_SETUP} --apply --write")
        return
    answer = ask_or_none(
        aws("sesv2"), "get_configuration_set_event_destinations", ConfigurationSetName=ses.configuration_set
    )
    if answer is None:
        return  # look_at_configuration_set has said so
    destinations = [each for each in answer.get("EventDestinations") or () if each.get("SnsDestination")]
    where = f"[ses] configuration_set, {ses.configuration_set}"
    if not destinations:
        yield error(DESTINATION, where, "sends its events nowhere that we hear.", f"{_SETUP} --apply")
        return
    queue = None
    if ses.events_queue_url:
        queue = look_at_queue(aws, ses.events_queue_url)
        if queue is None:
            what = f"there is no such queue in {aws('sqs').meta.region_name}."
            mend = f"{_SETUP} --apply --write, or correct the address or [ses] region."
            yield error(QUEUE, "[ses] events_queue_url", what, mend)
    elif not ses.event_topics:
        what = "is empty, and so is event_topics: nobody reads what Amazon reports."
        yield error(NOBODY_LISTENS, "[ses] events_queue_url", what, f"{_SETUP} --apply --write")
    heard = []
    for destination in destinations:
        topic = destination["SnsDestination"]["TopicArn"]
        ways = _ways(aws, settings, topic, queue)
        yield from _subscriptions(topic, ways, queue)
        if any(way.confirmed for way in ways):
            heard.append(destination)
    yield from _types(where, settings, destinations, heard, reading=bool(queue or ses.event_topics))
    if queue is not None:
        yield from _queue(queue, [each["SnsDestination"]["TopicArn"] for each in heard])


def look_at_waiting(aws: Aws, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield whether somebody reads the queue, and what was put aside. Raises Refused."""
    url = settings.ses.events_queue_url
    queue = look_at_queue(aws, url) if url else None
    if queue is None:
        return
    name = url.rstrip("/").rpartition("/")[2]
    try:
        age = _age(aws, name, now) if queue.waiting else None
    except Refused:  # the age is good to know, no more: its right is not asked for by everybody
        age = None
    since = f", the oldest since {_span(age)}" if age else ""
    what = f"{queue.waiting:,} event(s) wait{since}."
    if age and age > timedelta(days=1):
        mend = (
            "Read them: newsletter events pull, or keep `newsletter run` running. 14 days, and they are lost."
        )
        level = error if age > timedelta(days=10) else warning
        yield level(QUEUE, f"SQS queue {name}", what, mend)
    elif queue.waiting:
        yield note(QUEUE, f"SQS queue {name}", what, "Read them: newsletter events pull")
    else:
        yield well(QUEUE, f"SQS queue {name}", "is empty: everything was read.")
    target = queue.attributes.get("RedrivePolicy", {}).get("deadLetterTargetArn", "")
    if not target:
        what = "puts nothing aside: an event that cannot be understood is tried for ever."
        yield warning(DEAD_LETTERS, f"SQS queue {name}", what, f"{_SETUP} --apply")
        return
    dead = target.rpartition(":")[2]
    found = ask_or_none(aws("sqs"), "get_queue_url", QueueName=dead)
    aside = look_at_queue(aws, found["QueueUrl"]) if found else None
    if aside is None:
        what = "is not there; what cannot be understood is tried for ever."
        yield warning(DEAD_LETTERS, f"SQS queue {dead}", what, f"{_SETUP} --apply")
    elif aside.waiting:
        what = f"{aside.waiting:,} message(s) could not be understood and were put aside."
        mend = 'SQS console, this queue: look at them; "Start DLQ redrive" puts them back after an upgrade.'
        yield warning(DEAD_LETTERS, f"SQS queue {dead}", what, mend)
    else:
        yield well(DEAD_LETTERS, f"SQS queue {dead}", "is empty: everything was understood.")


def _ways(aws: Aws, settings: Settings, topic: str, queue: Queue | None) -> list[Subscription]:
    """Return the subscriptions of a topic that lead to us: into our queue, or to our web pages."""
    page = settings.newsletter.public_url.rstrip("/") + "/events/ses"
    ours = {page} if topic in settings.ses.event_topics and settings.newsletter.public_url else set()
    if queue is not None:
        ours.add(queue.attributes.get("QueueArn", ""))
    return [each for each in subscriptions_of(aws, topic) or () if each.endpoint in ours]


def _subscriptions(topic: str, ways: Sequence[Subscription], queue: Queue | None) -> Iterator[Finding]:
    name = topic.rpartition(":")[2]
    where = f"SNS topic {name}"
    if not ways:
        target = f"the queue {queue.url.rpartition('/')[2]}" if queue else "anything of ours"
        yield warning(SUBSCRIPTION, where, f"does not lead to {target}.", f"{_SETUP} --apply")
    for way in ways:
        if way.confirmed:
            yield well(SUBSCRIPTION, where, f"leads to {way.endpoint.rpartition(':')[2]}.")
        else:
            what = f"the subscription of {way.endpoint} was never confirmed; nothing arrives."
            mend = "`newsletter serve` confirms it: keep it running, then SNS console, Request confirmation."
            yield error(SUBSCRIPTION, where, what, mend)


def _types(
    where: str,
    settings: Settings,
    destinations: Sequence[Mapping[str, Any]],
    heard: Sequence[Mapping[str, Any]],
    *,
    reading: bool,
) -> Iterator[Finding]:
    """Yield which types of events do not reach us, or reach us unwanted."""
    off = [each["Name"] for each in destinations if not each.get("Enabled")]
    for name in off:
        yield error(DESTINATION, f"event destination {name}", "is switched off.", f"{_SETUP} --apply")
    if not heard:
        if reading:
            yield error(DESTINATION, where, "no event of it reaches us.", f"{_SETUP} --apply")
        return
    types = {kind for each in heard if each.get("Enabled") for kind in each.get("MatchingEventTypes") or ()}
    if missing := [kind for kind in EVENT_TYPES if kind not in types]:
        level = error if _GRAVE & set(missing) else warning
        yield level(DESTINATION, where, f"we are not told of {', '.join(missing)}.", f"{_SETUP} --apply")
    else:
        yield well(DESTINATION, where, "we are told of everything.")
    for kind, key, wanted in (
        ("OPEN", "opens", settings.tracking.opens),
        ("CLICK", "clicks", settings.tracking.clicks),
    ):
        if wanted and kind not in types:
            what = f"is on, but the event destination does not report {kind}."
            yield warning(DESTINATION, f"[tracking] {key}", what, f"{_SETUP} --apply")
        elif kind in types and not wanted:
            what = f"is off, but Amazon watches readers: the event destination asks for {kind}."
            yield warning(DESTINATION, f"[tracking] {key}", what, f"{_SETUP} --apply takes it out.")


def _queue(queue: Queue, topics: Sequence[str]) -> Iterator[Finding]:
    where, policy = f"SQS queue {queue.url.rpartition('/')[2]}", queue.attributes.get("Policy") or {}
    for topic in topics:
        if not _admits(policy, topic):
            what = f"its policy does not let the topic {topic.rpartition(':')[2]} put events into it."
            yield error(QUEUE, where, what, f"{_SETUP} --apply")
    seconds = int(queue.attributes.get("MessageRetentionPeriod", 0))
    if seconds < 4 * 86_400:
        what = f"forgets events after {seconds / 86_400:.1f} days."
        yield warning(QUEUE, where, what, f"{_SETUP} --apply makes it 14 days.")


def _admits(policy: Mapping[str, Any], topic: str) -> bool:
    """Say whether a queue's policy lets a topic in: a statement allows SendMessage for it, or for all."""
    for statement in policy.get("Statement") or ():
        actions = statement.get("Action") or ()
        actions = {actions} if isinstance(actions, str) else set(actions)
        allows = statement.get("Effect") == "Allow" and {each.lower() for each in actions} & {
            "sqs:sendmessage",
            "sqs:*",
            "*",
        }
        if not allows:
            continue
        conditions = statement.get("Condition") or {}
        sources = [
            source
            for values in conditions.values()
            for key, given in values.items()
            if key.lower() == "aws:sourcearn"
            for source in ([given] if isinstance(given, str) else given)
        ]
        if not sources or any(source == topic or _like(source, topic) for source in sources):
            return True
    return False


def _like(pattern: str, text: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(text, pattern)


def _age(aws: Aws, queue: str, now: datetime) -> timedelta | None:
    """Return the age of the oldest message, as CloudWatch saw it within the last quarter of an hour."""
    answer = ask(
        aws("cloudwatch"),
        "get_metric_statistics",
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=now - timedelta(minutes=15),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    points = sorted(answer.get("Datapoints") or (), key=lambda point: point["Timestamp"])
    return timedelta(seconds=points[-1]["Maximum"]) if points else None


def _span(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 24 else f"{hours:.1f} h"
