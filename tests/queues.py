"""A real SQS endpoint over HTTP (moto's server), and queues in it.

The fixtures ``queue`` and ``sqs_endpoint`` are there for all tests (tests/conftest.py).
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.workspaces import AWS

__all__ = ["Queue", "envelope", "open_queue", "queue", "sqs_endpoint"]

TOPIC = "arn:aws:sns:eu-central-1:123456789012:newsletter-events"


@dataclass(frozen=True)
class Queue:
    """A queue and a client of it."""

    sqs: Any
    url: str
    endpoint: str

    @property
    def env(self) -> dict[str, str]:
        """Variables that make a workspace listen to it."""
        region = {"NEWSLETTER_SES__REGION": AWS["AWS_DEFAULT_REGION"]}
        return {
            **AWS,
            **region,
            "AWS_ENDPOINT_URL_SQS": self.endpoint,
            "NEWSLETTER_SES__EVENTS_QUEUE_URL": self.url,
        }

    def put(self, bodies: Sequence[str]) -> None:
        """Put messages into it, in order."""
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(place), "MessageBody": body}
                for place, body in enumerate(bodies[start : start + 10])
            ]
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed")

    def left(self) -> int:
        """Return how many messages it still holds, also those that somebody is reading."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


def envelope(message: str) -> str:
    """Return a message of SES as SNS puts it into a queue."""
    plain = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message,
        "Timestamp": "2026-11-02T12:00:00.000Z",
        "SignatureVersion": "1",
        "Signature": "RkFLRQ==",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
    }
    return json.dumps(plain)


def open_queue(endpoint: str, **attributes: str) -> Queue:
    """Return a new, empty queue."""
    sqs = boto3.session.Session(
        aws_access_key_id=AWS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=AWS["AWS_SECRET_ACCESS_KEY"],
        region_name=AWS["AWS_DEFAULT_REGION"],
    ).client("sqs", endpoint_url=endpoint)
    made = sqs.create_queue(QueueName=f"events-{uuid.uuid4().hex}", Attributes=attributes)
    return Queue(sqs, made["QueueUrl"], endpoint)


@pytest.fixture(scope="session")
def sqs_endpoint() -> Iterator[str]:
    """The URL of an endpoint of our own: for AWS_ENDPOINT_URL_SQS."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def queue(sqs_endpoint: str) -> Iterator[Queue]:
    """A new, empty queue."""
    made = open_queue(sqs_endpoint)
    yield made
    made.sqs.delete_queue(QueueUrl=made.url)
    made.sqs.close()
