"""Calls to the endpoint with a bare client of boto3 that is made as ours is."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakeses.client import FakeSes
from tests.senders.samples import client

__all__ = ["SENDER", "SIGNED", "bulk", "bulk_call", "entry", "raw_call", "refusal", "simple_call", "statuses"]

SENDER = "hello@example.org"

#: Headers of a request that looks signed.
SIGNED = {
    "X-Amz-Date": "20261124T120000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AK/20261124/eu-central-1/ses/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
}

MIME = b"From: hello@example.org\r\nTo: ada@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"


def raw_call(to: str = "ada@example.org", *, mime: bytes = MIME, **more: Any) -> dict[str, Any]:
    """Return the parameters of SendEmail with a raw message."""
    return {"Destination": {"ToAddresses": [to]}, "Content": {"Raw": {"Data": mime}}, **more}


def simple_call(to: str = "ada@example.org", **more: Any) -> dict[str, Any]:
    """Return the parameters of SendEmail with a simple message. more: parts of the message."""
    message = {
        "Subject": {"Data": "Hello"},
        "Body": {"Html": {"Data": "<p>Hello</p>"}, "Text": {"Data": "Hello"}},
    }
    return {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": [to]},
        "Content": {"Simple": {**message, **more}},
    }


def entry(
    to: str = "ada@example.org", values: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return one entry of SendBulkEmail."""
    data = json.dumps(values or {})
    return {
        "Destination": {"ToAddresses": [to]},
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
        **more,
    }


def bulk_call(
    entries: Sequence[Mapping[str, Any]],
    *,
    html: str = "<p>Hello</p>",
    more: Mapping[str, Any] | None = None,
    **call: Any,
) -> dict[str, Any]:
    """Return the parameters of SendBulkEmail. more: parts of the template."""
    template = {"TemplateContent": {"Subject": "Hello", "Html": html, "Text": "Hello"}, **(more or {})}
    return {
        "FromEmailAddress": SENDER,
        "DefaultContent": {"Template": template},
        "BulkEmailEntries": list(entries),
        **call,
    }


def bulk(ses: FakeSes, count: int, **call: Any) -> list[dict[str, str]]:
    """Send to reader1@example.org and so on in one call; return its results."""
    entries = [entry(f"reader{number}@example.org") for number in range(1, count + 1)]
    results: list[dict[str, str]] = client(ses.url).send_bulk_email(**bulk_call(entries, **call))[
        "BulkEmailEntryResults"
    ]
    return results


def statuses(results: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the status of each result."""
    return [result["Status"] for result in results]


def refusal(send: Callable[[], Any]) -> tuple[int, str, str]:
    """Return HTTP status, code and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        send()
    response = caught.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]
