"""Amazon for these tests: SES by fakeses, SNS, SQS, STS, CloudWatch and CloudFormation by moto over HTTP."""

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from tests.aws.iam import Iam
from tests.fakeses import FakeSes
from tests.workspaces import AWS

__all__ = ["ACCOUNT", "DOMAIN", "REGION", "Amazon"]

REGION = "ca-central-1"  # of the repository's newsletter.toml
ACCOUNT = "123456789012"  # moto's
DOMAIN = "ignite.example.org"

#: Of one session, because each would read all of botocore's data again.
_SESSION = boto3.session.Session(
    aws_access_key_id="example", aws_secret_access_key="example", region_name=REGION
)

_MOTO = ("SNS", "SQS", "STS", "CLOUDWATCH", "CLOUDFORMATION", "S3")


@dataclass
class Amazon:
    """One account, empty at the start of each test."""

    ses: FakeSes
    moto: str
    iam: Iam
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """Variables for the program."""
        endpoints = {f"AWS_ENDPOINT_URL_{name}": self.moto for name in _MOTO}
        return {
            **AWS,
            "AWS_DEFAULT_REGION": REGION,
            **endpoints,
            "AWS_ENDPOINT_URL_SESV2": self.ses.url,
            "AWS_ENDPOINT_URL_IAM": self.iam.url,
        }

    def client(self, service: str) -> Any:
        """A client of our own."""
        url = {"sesv2": self.ses.url, "iam": self.iam.url}.get(service, self.moto)
        if service not in self.clients:
            self.clients[service] = _SESSION.client(service, endpoint_url=url)
        return self.clients[service]

    def change(self, **change: Any) -> Any:
        """Change what SES knows of identities and configuration sets."""
        return _http(f"{self.ses.url}/_ctl/identities", change)

    def ses_state(self) -> Any:
        """What SES holds."""
        return _http(f"{self.ses.url}/_ctl/identities")

    def verify(self, name: str = DOMAIN, **more: Any) -> None:
        """Let SES find the DNS records."""
        self.change(
            identities={
                name: {
                    "VerifiedForSendingStatus": True,
                    "VerificationStatus": "SUCCESS",
                    "DkimAttributes": {"Status": "SUCCESS"},
                    "MailFromAttributes": {"MailFromDomainStatus": "SUCCESS"},
                    **more,
                }
            }
        )

    def dump(self) -> Mapping[str, Any]:
        """All of the account's state: what `aws setup` may change, and everything beside it."""
        sns, sqs = self.client("sns"), self.client("sqs")
        state = self.ses_state()
        state.pop("asked")
        topics = {}
        for topic in sns.list_topics()["Topics"]:
            arn = topic["TopicArn"]
            topics[arn] = {
                "attributes": sns.get_topic_attributes(TopicArn=arn)["Attributes"],
                "tags": sns.list_tags_for_resource(ResourceArn=arn)["Tags"],
            }
        subscriptions = {
            each["SubscriptionArn"]: sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"])[
                "Attributes"
            ]
            for each in sns.list_subscriptions()["Subscriptions"]
        }
        queues = {
            url: {
                "attributes": sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"],
                "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags"),
            }
            for url in sqs.list_queues().get("QueueUrls", ())
        }
        return {"ses": state, "topics": topics, "subscriptions": subscriptions, "queues": queues}

    def clear(self) -> None:
        """Forget what moto holds."""
        _http(f"{self.moto}/moto-api/reset", {})


def _http(url: str, change: Any = None) -> Any:
    body = None if change is None else json.dumps(change).encode()
    with urllib.request.urlopen(url, data=body, timeout=10) as answer:
        return json.load(answer)
