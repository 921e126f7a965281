"""Events of accepted mails, through a real queue (moto's server): with tags, late, twice, out of order."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.fakeses.calling import bulk_call, entry
from tests.fakeses.client import FakeSes
from tests.fakeses.events import EventPlan
from tests.fakeses.faults import Fault
from tests.senders.samples import client, letters, sender


@dataclass(frozen=True)
class Queue:
    """An SQS queue and a client of it."""

    sqs: Any
    url: str
    endpoint: str

    def take(self) -> list[Any]:
        """Return the bodies of all messages, in order; they are gone then."""
        bodies = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def events(self) -> list[Any]:
        """Return the events in SNS's envelopes."""
        return [json.loads(body["Message"]) for body in self.take()]


@pytest.fixture(scope="module")
def queue() -> Iterator[Queue]:
    """A queue of moto's."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    sqs = boto3.session.Session(
        aws_access_key_id="example", aws_secret_access_key="example", region_name="eu-central-1"
    ).client("sqs", endpoint_url=endpoint)
    yield Queue(sqs, sqs.create_queue(QueueName="events")["QueueUrl"], endpoint)
    sqs.close()
    server.stop()


def plan(queue: Queue, **more: Any) -> EventPlan:
    """Return a plan for the queue."""
    return EventPlan(queue_url=queue.url, endpoint_url=queue.endpoint, **more)


def send(ses: FakeSes, count: int) -> None:
    """Send letters 1 to count in one bulk call with a configuration set."""
    sender(ses.url, "bulk", configuration_set="newsletter").send(letters(count, "bulk"))


def kinds(events: list[Any]) -> list[tuple[str, str]]:
    """Return type and address of each event."""
    return [(event["eventType"], event["mail"]["destination"][0]) for event in events]


def test_a_mail_has_send_and_delivery_with_our_tags_in_an_envelope_of_sns(
    fake_ses: FakeSes, queue: Queue
) -> None:
    fake_ses.send_events(plan(queue))
    send(fake_ses, 1)
    fake_ses.wait_for_events()
    bodies = queue.take()
    assert {body["Type"] for body in bodies} == {"Notification"}
    assert len({body["MessageId"] for body in bodies}) == 2
    events = [json.loads(body["Message"]) for body in bodies]
    assert kinds(events) == [("Send", "reader1@example.org"), ("Delivery", "reader1@example.org")]
    [accepted] = fake_ses.accepted()
    for event in events:
        assert event["mail"]["messageId"] == accepted.message_id
        assert event["mail"]["tags"]["delivery"] == ["1"]
        assert event["mail"]["tags"]["campaign"] == [accepted.tags["campaign"]]
        assert event["mail"]["tags"]["ses:configuration-set"] == ["newsletter"]
    assert events[1]["delivery"]["recipients"] == ["reader1@example.org"]


def test_raw_letters_have_events_too_and_raw_delivery_has_no_envelope(
    fake_ses: FakeSes, queue: Queue
) -> None:
    fake_ses.send_events(plan(queue, raw=True))
    sender(fake_ses.url, configuration_set="newsletter").send(letters(1))
    fake_ses.wait_for_events()
    assert kinds(queue.take()) == [("Send", "reader1@example.org"), ("Delivery", "reader1@example.org")]


def test_without_a_configuration_set_there_are_none(fake_ses: FakeSes, queue: Queue) -> None:
    fake_ses.send_events(plan(queue))
    sender(fake_ses.url, "bulk").send(letters(3, "bulk"))
    assert fake_ses.counts()["events"]["made"] == 0
    assert len(fake_ses.accepted()) == 3


def test_what_was_accepted_and_not_answered_has_events_and_what_was_not_accepted_has_none(
    fake_ses: FakeSes, queue: Queue
) -> None:
    fake_ses.send_events(plan(queue, types=("Send",)))
    fake_ses.plan([Fault("reset", after=True, requests=(1,)), Fault("reset", requests=(2,))])
    send(fake_ses, 2)
    send(fake_ses, 3)
    fake_ses.wait_for_events()
    assert kinds(queue.events()) == [("Send", "reader1@example.org"), ("Send", "reader2@example.org")]


def test_bounces_and_complaints_by_address(fake_ses: FakeSes, queue: Queue) -> None:
    hard, soft, angry = (f"reader{number}@example.org" for number in (1, 2, 3))
    fake_ses.send_events(plan(queue, hard=(hard,), soft=(soft,), complaints=(angry,)))
    send(fake_ses, 3)
    fake_ses.wait_for_events()
    events = queue.events()
    assert kinds(events) == [
        ("Send", hard),
        ("Bounce", hard),
        ("Send", soft),
        ("Bounce", soft),
        ("Send", angry),
        ("Delivery", angry),
        ("Complaint", angry),
    ]
    first, second = (event["bounce"] for event in events if event["eventType"] == "Bounce")
    assert (first["bounceType"], first["bouncedRecipients"][0]["status"]) == ("Permanent", "5.1.1")
    assert (second["bounceType"], second["bouncedRecipients"][0]["emailAddress"]) == ("Transient", soft)
    assert events[-1]["complaint"]["complainedRecipients"] == [{"emailAddress": angry}]


def test_the_simulators_addresses_do_what_they_say_and_shares_bounce_by_chance(
    fake_ses: FakeSes, queue: Queue
) -> None:
    fake_ses.send_events(plan(queue, types=("Bounce", "Complaint"), hard_share=0.2))
    names = ["success", "bounce+7", "complaint", "ooto"]
    entries = [entry(f"{name}@simulator.amazonses.com") for name in names]
    client(fake_ses.url).send_bulk_email(**bulk_call(entries, ConfigurationSetName="newsletter"))
    send(fake_ses, 50)
    fake_ses.wait_for_events()
    found = kinds(queue.events())
    assert found[:3] == [
        ("Bounce", "bounce+7@simulator.amazonses.com"),
        ("Complaint", "complaint@simulator.amazonses.com"),
        ("Bounce", "ooto@simulator.amazonses.com"),
    ]
    assert 3 <= len(found[3:]) <= 20


def test_a_mail_that_cannot_be_rendered_says_so_only_here(fake_ses: FakeSes, queue: Queue) -> None:
    fake_ses.send_events(plan(queue))
    call = bulk_call([entry()], html="{{absent}}", ConfigurationSetName="newsletter")
    client(fake_ses.url).send_bulk_email(**call)
    fake_ses.wait_for_events()
    [event] = queue.events()
    assert event["eventType"] == "Rendering Failure"
    assert "absent" in event["failure"]["errorMessage"]


def test_events_may_be_late_twice_and_out_of_order_the_same_with_the_same_seed(
    fake_ses: FakeSes, queue: Queue
) -> None:
    runs = []
    for seed in (1, 1, 2):
        fake_ses.send_events(plan(queue, delay=3600, spread=600, twice=0.4, seed=seed))
        send(fake_ses, 20)
        assert queue.take() == []
        assert fake_ses.counts()["events"]["sent"] == 0
        fake_ses.release_events()
        fake_ses.wait_for_events()
        runs.append(kinds(queue.events()))
        fake_ses.reset()
    assert runs[0] == runs[1] != runs[2]
    times = Counter(runs[0])
    assert len(times) == 40 and set(times.values()) == {1, 2}
    sent_last = [
        address
        for kind, address in times
        if kind == "Send" and runs[0].index(("Delivery", address)) < runs[0].index((kind, address))
    ]
    assert sent_last  # some deliveries come before their Send


def test_some_events_may_never_come(fake_ses: FakeSes, queue: Queue) -> None:
    fake_ses.send_events(plan(queue, lost=0.5, types=("Send",)))
    send(fake_ses, 50)
    fake_ses.wait_for_events()
    assert 10 <= len(queue.events()) <= 40


def test_a_delay_passes_by_itself(fake_ses: FakeSes, queue: Queue) -> None:
    fake_ses.send_events(plan(queue, delay=0.15, types=("Send",)))
    send(fake_ses, 1)
    assert fake_ses.counts()["events"]["waiting"] == 1
    fake_ses.wait_for_events()
    assert len(queue.events()) == 1


def test_a_queue_that_is_not_there_is_told(fake_ses: FakeSes, queue: Queue) -> None:
    fake_ses.send_events(
        EventPlan(queue_url=queue.url + "-not", endpoint_url=queue.endpoint, types=("Send",))
    )
    send(fake_ses, 1)
    with pytest.raises(RuntimeError, match="did not take 1"):
        fake_ses.wait_for_events()


def test_a_process_of_its_own_sends_them_too(fake_ses_process: FakeSes, queue: Queue) -> None:
    fake_ses_process.send_events(plan(queue, types=("Delivery",)))
    send(fake_ses_process, 12)
    fake_ses_process.wait_for_events()
    assert len(queue.events()) == 12
