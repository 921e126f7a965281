"""What is there: everything at Amazon that `newsletter aws setup` is about, read and never changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from newsletter.aws.asking import Aws, ask, ask_or_none
from newsletter.aws.names import Names, Place, find_place

__all__ = [
    "Found",
    "Queue",
    "Subscription",
    "Topic",
    "look",
    "look_at_queue",
    "subscriptions_of",
    "tags_of",
]

_NUMBERS = {"MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout"}
_DOCUMENTS = {"Policy", "RedrivePolicy"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """An SQS queue. attributes: numbers and documents as data, all else as Amazon says it."""

    url: str
    attributes: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """About how many messages are in it."""
        kinds = ("", "NotVisible", "Delayed")
        return sum(int(self.attributes.get(f"ApproximateNumberOfMessages{kind}", 0)) for kind in kinds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """Who gets what a topic carries. confirmed: whether it works yet."""

    arn: str
    protocol: str
    endpoint: str
    confirmed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """An SNS topic."""

    arn: str
    policy: Mapping[str, Any]
    tags: Mapping[str, str]
    subscriptions: Sequence[Subscription]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """All of it; None for what is not there. identity, configuration_set: as SES answers."""

    place: Place
    identity: Mapping[str, Any] | None
    configuration_set: Mapping[str, Any] | None
    destinations: Sequence[Mapping[str, Any]]
    topic: Topic | None
    subscription: Subscription | None  #: from our topic to our queue
    raw_delivery: bool  #: whether that one comes without SNS's envelope
    queue: Queue | None
    dead_letters: Queue | None


def tags_of(answer: Mapping[str, Any] | None) -> Mapping[str, str]:
    """Return the tags in an answer of SES or SNS."""
    return {tag["Key"]: tag["Value"] for tag in (answer or {}).get("Tags") or ()}


def look(aws: Aws, names: Names) -> Found:
    """Return what is there. Raises Refused if it cannot be seen."""
    place = find_place(aws)
    ses = aws("sesv2")
    configuration_set = ask_or_none(
        ses, "get_configuration_set", ConfigurationSetName=names.configuration_set
    )
    destinations: Sequence[Mapping[str, Any]] = ()
    if configuration_set is not None:
        answer = ask(
            ses, "get_configuration_set_event_destinations", ConfigurationSetName=names.configuration_set
        )
        destinations = answer.get("EventDestinations") or ()
    topic = _topic(aws, place.arn("sns", names.topic))
    queue_arn = place.arn("sqs", names.queue)
    subscription = next((s for s in topic.subscriptions if s.endpoint == queue_arn), None) if topic else None
    return Found(
        place=place,
        identity=ask_or_none(ses, "get_email_identity", EmailIdentity=names.domain),
        configuration_set=configuration_set,
        destinations=destinations,
        topic=topic,
        subscription=subscription,
        raw_delivery=subscription is not None and subscription.confirmed and _is_raw(aws, subscription.arn),
        queue=_queue(aws, names.queue),
        dead_letters=_queue(aws, names.dead_letters),
    )


def look_at_queue(aws: Aws, url: str) -> Queue | None:
    """Return the queue at this address, without its tags, or None. Raises Refused."""
    answer = ask_or_none(aws("sqs"), "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    if answer is None:
        return None
    return Queue(url=url, attributes=_plain(answer.get("Attributes") or {}))


def subscriptions_of(aws: Aws, topic_arn: str) -> list[Subscription] | None:
    """Return all subscriptions to a topic, or None if there is no such topic. Raises Refused."""
    found: list[Subscription] = []
    more: dict[str, str] = {}
    while True:
        answer = ask_or_none(aws("sns"), "list_subscriptions_by_topic", TopicArn=topic_arn, **more)
        if answer is None:
            return None
        found += [
            Subscription(
                arn=each["SubscriptionArn"],
                protocol=each["Protocol"],
                endpoint=each["Endpoint"],
                confirmed=each["SubscriptionArn"].startswith("arn:"),
            )
            for each in answer.get("Subscriptions") or ()
        ]
        if not answer.get("NextToken"):
            return found
        more = {"NextToken": answer["NextToken"]}


def _topic(aws: Aws, arn: str) -> Topic | None:
    sns = aws("sns")
    answer = ask_or_none(sns, "get_topic_attributes", TopicArn=arn)
    if answer is None:
        return None
    return Topic(
        arn=arn,
        policy=json.loads(answer["Attributes"].get("Policy") or "{}"),
        tags=tags_of(ask(sns, "list_tags_for_resource", ResourceArn=arn)),
        subscriptions=subscriptions_of(aws, arn) or (),
    )


def _queue(aws: Aws, name: str) -> Queue | None:
    sqs = aws("sqs")
    found = ask_or_none(sqs, "get_queue_url", QueueName=name)
    queue = look_at_queue(aws, found["QueueUrl"]) if found else None
    if queue is None:
        return None
    tags = ask(sqs, "list_queue_tags", QueueUrl=queue.url).get("Tags") or {}
    return Queue(url=queue.url, attributes=queue.attributes, tags=tags)


def _is_raw(aws: Aws, arn: str) -> bool:
    answer = ask(aws("sns"), "get_subscription_attributes", SubscriptionArn=arn)
    return str(answer["Attributes"].get("RawMessageDelivery", "")).lower() == "true"


def _plain(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return a queue's attributes as data, to be compared with what they should be."""
    plain: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in _NUMBERS:
            plain[name] = int(value)
        elif name in _DOCUMENTS:
            plain[name] = json.loads(value or "{}")
        elif value.lower() in {"true", "false"}:
            plain[name] = value.lower() == "true"
        else:
            plain[name] = value
    if count := plain.get("RedrivePolicy", {}).get("maxReceiveCount"):
        plain["RedrivePolicy"]["maxReceiveCount"] = int(count)  # comes back as it was given, "5" or 5
    return plain
