"""Topic, queues and what joins them: the steps of `aws setup` that make the way for events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from newsletter.aws.asking import Aws, ask
from newsletter.aws.looking import Found, Queue
from newsletter.aws.names import Names
from newsletter.aws.policies import (
    dead_letter_attributes,
    is_same_policy,
    queue_attributes,
    topic_policy,
)
from newsletter.aws.steps import Step, refuse_to_share

__all__ = ["NOT_OURS", "pairs", "queue_steps", "topic_steps"]

NOT_OURS: Final = "was not made by us, and is left as it is"


def queue_steps(aws: Aws, names: Names, found: Found) -> Iterator[Step]:
    """Yield the steps of the queue, and of the one behind it for what cannot be understood."""
    place = found.place
    yield _queue(
        aws,
        names,
        names.dead_letters,
        found.dead_letters,
        dead_letter_attributes(),
        "keeps what could not be understood, 14 days",
    )
    why = "keeps events until they are read, 14 days"
    yield _queue(aws, names, names.queue, found.queue, queue_attributes(names, place), why)


def _queue(
    aws: Aws, names: Names, name: str, there: Queue | None, wanted: Mapping[str, Any], why: str
) -> Step:
    sqs = aws("sqs")
    if there is None:
        texts = _texts(wanted)
        return Step(
            verb="make",
            kind="SQS queue",
            name=name,
            why=why,
            act=lambda: ask(sqs, "create_queue", QueueName=name, Attributes=texts, tags=dict(names.tags)),
        )
    refuse_to_share("SQS queue", name, dict(there.tags), names)
    if not names.are_ours(there.tags):
        return Step(verb="leave", kind="SQS queue", name=name, why=NOT_OURS)
    other = {
        key: value for key, value in wanted.items() if not is_same_policy(there.attributes.get(key), value)
    }
    if not other:
        return Step(verb="keep", kind="SQS queue", name=name, why=why)
    return Step(
        verb="change",
        kind="SQS queue",
        name=name,
        why=f"its {', '.join(other)}",
        act=lambda: ask(sqs, "set_queue_attributes", QueueUrl=there.url, Attributes=_texts(other)),
    )


def topic_steps(aws: Aws, names: Names, found: Found) -> Iterator[Step]:
    """Yield the steps of the topic and its subscription."""
    sns, place = aws("sns"), found.place
    arn, policy = place.arn("sns", names.topic), topic_policy(names, place)
    kind, why = "SNS topic", "takes events from SES"
    if found.topic is None:
        yield Step(
            verb="make",
            kind=kind,
            name=names.topic,
            why=why,
            act=lambda: ask(
                sns,
                "create_topic",
                Name=names.topic,
                Attributes={"Policy": json.dumps(policy), "SignatureVersion": "2"},
                Tags=pairs(names.tags),
            ),
        )
    else:
        refuse_to_share(kind, names.topic, dict(found.topic.tags), names)
        if not names.are_ours(found.topic.tags):
            yield Step(verb="leave", kind=kind, name=names.topic, why=NOT_OURS)
        elif not is_same_policy(found.topic.policy, policy):
            yield Step(
                verb="change",
                kind=kind,
                name=names.topic,
                why="its policy: SES must be allowed to publish",
                act=lambda: ask(
                    sns,
                    "set_topic_attributes",
                    TopicArn=arn,
                    AttributeName="Policy",
                    AttributeValue=json.dumps(policy),
                ),
            )
        else:
            yield Step(verb="keep", kind=kind, name=names.topic, why=why)
    yield _subscription(aws, names, found)


def _subscription(aws: Aws, names: Names, found: Found) -> Step:
    sns, place = aws("sns"), found.place
    kind, name = "subscription", f"{names.topic} to {names.queue}"
    if found.subscription is None:
        return Step(
            verb="make",
            kind=kind,
            name=name,
            why="puts events from the topic into the queue",
            act=lambda: ask(
                sns,
                "subscribe",
                TopicArn=place.arn("sns", names.topic),
                Protocol="sqs",
                Endpoint=place.arn("sqs", names.queue),
                Attributes={"RawMessageDelivery": "true"},
                ReturnSubscriptionArn=True,
            ),
        )
    ours = found.topic is not None and names.are_ours(found.topic.tags)
    arn = found.subscription.arn
    if found.raw_delivery or not ours or not found.subscription.confirmed:
        return Step(verb="keep", kind=kind, name=name, why="puts events from the topic into the queue")
    return Step(
        verb="change",
        kind=kind,
        name=name,
        why="raw delivery: events without a second envelope",
        act=lambda: ask(
            sns,
            "set_subscription_attributes",
            SubscriptionArn=arn,
            AttributeName="RawMessageDelivery",
            AttributeValue="true",
        ),
    )


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as SES and SNS take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return a queue's attributes as SQS takes them."""
    return {
        name: json.dumps(value) if isinstance(value, dict | bool) else str(value)
        for name, value in attributes.items()
    }
