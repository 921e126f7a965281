"""Which calls the program makes at Amazon, and what right each of them needs."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.client import BaseClient

from tests.aws.amazon import ACCOUNT, REGION
from tests.workspaces import AWS, REPOSITORY

__all__ = ["Recorder", "actions_of", "calls_in_source", "resource_of"]

SERVICES = ("sesv2", "sns", "sqs", "sts", "s3", "iam", "cloudwatch")

#: Operations whose right has another name (Service Authorization Reference), or more than one.
_OTHER: Mapping[str, tuple[str, ...]] = {
    "sesv2:SendEmail": ("ses:SendRawEmail",),  # of raw messages, and we send no others
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sts:GetCallerIdentity": (),  # everybody may
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:CopyObject": ("s3:GetObject", "s3:PutObject"),
    "s3:DeleteObjects": ("s3:DeleteObject",),
    # what is made is tagged in the same call
    "sesv2:CreateEmailIdentity": ("ses:CreateEmailIdentity", "ses:TagResource"),
    "sesv2:CreateConfigurationSet": ("ses:CreateConfigurationSet", "ses:TagResource"),
    "sns:CreateTopic": ("sns:CreateTopic", "sns:TagResource"),
    "sqs:CreateQueue": ("sqs:CreateQueue", "sqs:TagQueue"),
}


def actions_of(service: str, operation: str) -> tuple[str, ...]:
    """Return the IAM actions that a call needs."""
    name = f"{service}:{operation}"
    return _OTHER.get(name, (name.replace("sesv2:", "ses:"),))


def methods() -> dict[str, list[tuple[str, str]]]:
    """Return boto3's methods of the services in use: name to (service, operation)."""
    session = botocore.session.get_session()
    found: dict[str, list[tuple[str, str]]] = {}
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), []).append((service, operation))
    return found


def calls_in_source(folder: Path = REPOSITORY / "newsletter") -> Iterator[tuple[str, str, str]]:
    """Yield (file, service, operation) of each call in the source: ``ask(ses, "get_account")``,
    ``client.send_email`` and the like.
    """
    known = methods()
    for file in sorted(folder.rglob("*.py")):
        if file.name == "asking.py":  # where ``ask`` itself is
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            found = ""
            owner = ""
            asks = isinstance(node, ast.Call) and ast.unparse(node.func) in {"ask", "ask_or_none"}
            if isinstance(node, ast.Call) and asks and file.parent.name == "aws":
                owner = ast.unparse(node.args[0])
                assert isinstance(node.args[1], ast.Constant), f"{file}: the method must be written out"
                found = str(node.args[1].value)
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith(
                ("client", "bucket_client")
            ):
                owner, found = ast.unparse(node.value), node.attr
            meant = known.get(found, [])
            if len(meant) > 1:
                words = {"sesv2": ("ses", "sesv2"), "sns": ("sns",), "sqs": ("sqs",)}
                meant = [each for each in meant if any(word in owner for word in words.get(each[0], ()))]
                assert len(meant) == 1, f"{file}: {owner}.{found} could be of several services"
            for service, operation in meant:
                yield file.relative_to(folder).as_posix(), service, operation


class Recorder:
    """Notes each call that any client makes, and lets it pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, str, dict[str, Any]]] = []
        call = BaseClient._make_api_call

        def noting(client: Any, operation: str, parameters: Any) -> Any:
            # fakeses puts events into the queue from a thread of this process, with a key of its own
            if client._get_credentials().access_key == AWS["AWS_ACCESS_KEY_ID"]:
                self.seen.append((client.meta.service_model.service_name, operation, dict(parameters)))
            return call(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", noting)

    def actions(self) -> set[str]:
        """Return the IAM actions that all calls needed."""
        return {action for service, operation, _ in self.seen for action in actions_of(service, operation)}


def resource_of(service: str, operation: str, asked: Mapping[str, Any]) -> str:
    """Return the ARN of what a call is about, "*" if IAM knows none."""
    here = f"{REGION}:{ACCOUNT}"
    match service:
        case "sesv2" if "EmailIdentity" in asked:
            return f"arn:aws:ses:{here}:identity/{asked['EmailIdentity']}"
        case "sesv2" if operation in {"SendEmail", "SendBulkEmail"}:
            return f"arn:aws:ses:{here}:identity/ignite.example.org"
        case "sesv2" if "ConfigurationSetName" in asked:
            return f"arn:aws:ses:{here}:configuration-set/{asked['ConfigurationSetName']}"
        case "sns" if "Name" in asked:
            return f"arn:aws:sns:{here}:{asked['Name']}"
        case "sns":
            return str(asked.get("TopicArn") or asked.get("SubscriptionArn") or asked["ResourceArn"])
        case "sqs":
            name = asked.get("QueueName") or asked["QueueUrl"].rpartition("/")[2]
            return f"arn:aws:sqs:{here}:{name}"
        case "s3":
            return f"arn:aws:s3:::{asked['Bucket']}" + (f"/{asked['Key']}" if "Key" in asked else "")
        case "iam":
            return str(asked["PolicySourceArn"])
    return "*"
