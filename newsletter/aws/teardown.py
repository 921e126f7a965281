"""`aws teardown`: what we made goes, and nothing else.

Decisions
- Only what carries this newsletter's tag is removed. An event destination and a subscription carry no tags:
  those go that are named by us and point at a topic or a queue of ours.
- The identity stays unless it is asked for: without it no mail leaves from that domain any more, whoever
  sends it.
"""

from collections.abc import Iterator

from newsletter.aws.asking import Aws, ask
from newsletter.aws.looking import Found, Queue, tags_of
from newsletter.aws.names import Names
from newsletter.aws.steps import Step

__all__ = ["teardown_steps"]

_NOT_OURS = "was not made by us, and stays"


def teardown_steps(aws: Aws, names: Names, found: Found, *, identity: bool = False) -> list[Step]:
    """Return what `aws teardown --apply` does, given what is there. identity: remove that, too, if ours."""
    return [
        *_configuration_set(aws, names, found),
        *_topic(aws, names, found),
        *_queue(aws, names, names.queue, found.queue),
        *_queue(aws, names, names.dead_letters, found.dead_letters),
        *_identity(aws, names, found, wanted=identity),
    ]


def _configuration_set(aws: Aws, names: Names, found: Found) -> Iterator[Step]:
    ses, name = aws("sesv2"), names.configuration_set
    if found.configuration_set is None:
        return
    if names.are_ours(tags_of(found.configuration_set)):
        yield Step(
            verb="remove",
            kind="configuration set",
            name=name,
            why="with its event destinations",
            act=lambda: ask(ses, "delete_configuration_set", ConfigurationSetName=name),
        )
        return
    yield Step(verb="leave", kind="configuration set", name=name, why=_NOT_OURS)
    ours = found.topic is not None and names.are_ours(found.topic.tags)
    for destination in found.destinations:
        topic = (destination.get("SnsDestination") or {}).get("TopicArn")
        if ours and destination["Name"] == names.destination and found.topic and topic == found.topic.arn:
            yield Step(
                verb="remove",
                kind="event destination",
                name=names.destination,
                why="it leads to our topic",
                act=lambda: ask(
                    ses,
                    "delete_configuration_set_event_destination",
                    ConfigurationSetName=name,
                    EventDestinationName=names.destination,
                ),
            )


def _topic(aws: Aws, names: Names, found: Found) -> Iterator[Step]:
    sns, topic = aws("sns"), found.topic
    if topic is None:
        return
    if names.are_ours(topic.tags):
        others = [each for each in topic.subscriptions if each != found.subscription]
        why = f"with its subscriptions, {len(others)} of them somebody else's" if others else ""
        yield Step(
            verb="remove",
            kind="SNS topic",
            name=names.topic,
            why=why or "with its subscription",
            act=lambda: ask(sns, "delete_topic", TopicArn=topic.arn),
        )
        return
    yield Step(verb="leave", kind="SNS topic", name=names.topic, why=_NOT_OURS)
    subscription = found.subscription
    if subscription and subscription.confirmed and found.queue and names.are_ours(found.queue.tags):
        yield Step(
            verb="remove",
            kind="subscription",
            name=f"{names.topic} to {names.queue}",
            why="it leads to our queue",
            act=lambda: ask(sns, "unsubscribe", SubscriptionArn=subscription.arn),
        )


def _queue(aws: Aws, names: Names, name: str, queue: Queue | None) -> Iterator[Step]:
    sqs = aws("sqs")
    if queue is None:
        return
    if not names.are_ours(queue.tags):
        yield Step(verb="leave", kind="SQS queue", name=name, why=_NOT_OURS)
        return
    waiting = f"with {queue.waiting:,} event(s) that nobody has read" if queue.waiting else "empty"
    yield Step(
        verb="remove",
        kind="SQS queue",
        name=name,
        why=waiting,
        act=lambda: ask(sqs, "delete_queue", QueueUrl=queue.url),
    )


def _identity(aws: Aws, names: Names, found: Found, *, wanted: bool) -> Iterator[Step]:
    ses = aws("sesv2")
    if found.identity is None:
        return
    if not names.are_ours(tags_of(found.identity)):
        yield Step(verb="leave", kind="identity", name=names.domain, why=_NOT_OURS)
    elif not wanted:
        why = "stays, so that mail from this domain still leaves; to remove it: --identity"
        yield Step(verb="leave", kind="identity", name=names.domain, why=why)
    else:
        yield Step(
            verb="remove",
            kind="identity",
            name=names.domain,
            why="no mail leaves from this domain any more",
            act=lambda: ask(ses, "delete_email_identity", EmailIdentity=names.domain),
        )
