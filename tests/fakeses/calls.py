"""What a request asks SES to send, after the checks that SES makes before anything else.

Limits: SES API v2 reference and botocore's model of it (MessageHeader, MessageTag, EmailTemplateData,
RawMessage), "Service quotas in Amazon SES". Where the reference is vague the stricter reading holds: 1 MB is
1,000,000 bytes.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, Final

from tests.fakeses.content import raw_headers
from tests.fakeses.refusals import Refusal, bad_request, by_status

__all__ = ["ROUTES", "Call", "Entry", "check_signature", "read_call"]

#: (method, path) of what is understood.
ROUTES: Final = {
    ("POST", "/v2/email/outbound-emails"): "SendEmail",
    ("POST", "/v2/email/outbound-bulk-emails"): "SendBulkEmail",
    ("GET", "/v2/email/account"): "GetAccount",
}

_MAX_ENTRIES = 50
_MAX_RECIPIENTS = 50  # of one message
_MAX_BULK_BYTES = 1_000_000
_MAX_MESSAGE = 40 * 1024 * 1024  # after base64
_MAX_VALUES = 262_144  # characters
_MAX_HEADERS = 15
_MAX_TAGS = 50  # the reference names no number
_MAX_LINE = 1000  # of a raw message, with its end (RFC 5321)
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ADDRESS = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/, ]+/\d{8}/[a-z0-9-]+/([a-z0-9]+)/aws4_request, ?"
    r"SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, ?Signature=[0-9a-f]{64}"
)


@dataclass(slots=True)
class Entry:
    """One message. addresses: bare. values: ReplacementTemplateData. fault: why this one cannot be sent."""

    addresses: list[str]
    tags: dict[str, str]
    headers: dict[str, str]
    values: str = "{}"
    fault: Refusal | None = None


@dataclass(slots=True)
class Call:
    """One SendEmail or SendBulkEmail. sender: a bare address. mailboxes: From and Reply-To as given.

    content: its Content, or bulk's Template. mime: the raw message, if raw.
    """

    operation: str
    sender: str
    configuration_set: str
    entries: list[Entry]
    content: Mapping[str, Any]
    mailboxes: dict[str, str]
    mime: bytes = field(default=b"", repr=False)


def check_signature(headers: Mapping[str, str]) -> None:
    """Raise Refusal unless the request looks signed (Signature Version 4) for SES. Keys are not checked."""
    given = headers.get("authorization", "")
    if not given:
        raise Refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _SIGNATURE.fullmatch(given)
    if match is None or "x-amz-date" not in headers:
        raise Refusal(403, "IncompleteSignatureException", "The request signature is incomplete.")
    if match[1] != "ses":
        text = "Credential should be scoped to correct service: 'ses'."
        raise Refusal(403, "SignatureDoesNotMatch", text)


def read_call(operation: str, body: bytes) -> Call:
    """Return what a request wants to have sent. Raises Refusal for what SES would not take as a whole."""
    try:
        asked = json.loads(body)
    except ValueError:
        raise Refusal(400, "SerializationException", "The body is not JSON.") from None
    try:
        call = (_bulk if operation == "SendBulkEmail" else _single)(asked, len(body))
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise Refusal(400, "SerializationException", f"Unexpected structure: {error!r}") from None
    if not call.sender or not _ADDRESS.fullmatch(call.sender):
        raise bad_request("Missing or illegal From address.")
    return call


def _bulk(asked: Mapping[str, Any], size: int) -> Call:
    entries = asked.get("BulkEmailEntries")
    if not entries:
        raise bad_request("1 validation error detected: BulkEmailEntries must not be empty.")
    if len(entries) > _MAX_ENTRIES:
        raise bad_request(f"Bulk email entries count {len(entries)} exceeds the maximum of {_MAX_ENTRIES}.")
    template = asked["DefaultContent"]["Template"]
    if "TemplateContent" not in template:
        raise by_status("TEMPLATE_NOT_FOUND")  # stored templates are not kept here
    if size > _MAX_BULK_BYTES:
        raise bad_request(f"The request is {size} bytes; with an inline template {_MAX_BULK_BYTES} fit.")
    if len(template.get("TemplateData", "")) > _MAX_VALUES:
        raise bad_request("TemplateData is too long.")
    shared_headers, shared_tags = _headers(template.get("Headers")), _tags(asked.get("DefaultEmailTags"))
    return Call(
        operation="SendBulkEmail",
        sender=parseaddr(asked.get("FromEmailAddress", ""))[1],
        configuration_set=asked.get("ConfigurationSetName", ""),
        entries=[_entry(entry, shared_headers, shared_tags) for entry in entries],
        content=template,
        mailboxes=_mailboxes(asked),
    )


def _entry(entry: Mapping[str, Any], headers: Mapping[str, str], tags: Mapping[str, str]) -> Entry:
    replaced = entry.get("ReplacementEmailContent") or {}
    values = (replaced.get("ReplacementTemplate") or {}).get("ReplacementTemplateData") or "{}"
    if len(values) > _MAX_VALUES:
        raise bad_request(f"ReplacementTemplateData is longer than {_MAX_VALUES} characters.")
    addresses, fault = _recipients(entry["Destination"])
    merged = {**headers, **_headers(entry.get("ReplacementHeaders"))}
    if len(merged) > _MAX_HEADERS and fault is None:
        fault = bad_request(f"More than {_MAX_HEADERS} headers.")
    return Entry(addresses, {**tags, **_tags(entry.get("ReplacementTags"))}, merged, values, fault)


def _single(asked: Mapping[str, Any], size: int) -> Call:
    content = asked["Content"]
    sender = asked.get("FromEmailAddress", "")
    mime, headers = b"", {}
    if "Raw" in content:
        mime = _mime(content["Raw"]["Data"])
        headers = raw_headers(mime)
        sender = sender or headers.get("From", "")
        if not sender or "From" not in headers:
            raise bad_request("Missing required header 'From'.")
    elif "Simple" in content:
        simple = content["Simple"]
        headers = _headers(simple.get("Headers"))
        if "Data" not in simple["Subject"] or not simple["Body"].keys() & {"Html", "Text"}:
            raise bad_request("A message needs a subject and a body.")
    else:
        raise by_status("TEMPLATE_NOT_FOUND")
    if not asked.get("Destination"):
        raise bad_request(
            "Missing Destination."
        )  # SES would take To, Cc and Bcc of a raw message; we never do
    addresses, fault = _recipients(asked["Destination"])
    return Call(
        operation="SendEmail",
        sender=parseaddr(sender)[1],
        configuration_set=asked.get("ConfigurationSetName", ""),
        entries=[Entry(addresses, _tags(asked.get("EmailTags")), headers, "{}", fault)],
        content=content,
        mailboxes=_mailboxes(asked),
        mime=mime,
    )


def _mime(data: str) -> bytes:
    if len(data) > _MAX_MESSAGE:
        raise bad_request("Message length is more than 40 MB.")
    try:
        mime = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise Refusal(400, "SerializationException", "Raw.Data is not base64.") from None
    if b"\r\n\r\n" not in mime and b"\n\n" not in mime:
        raise bad_request("A raw message has a header and a body, with an empty line between.")
    if max(map(len, mime.split(b"\n"))) >= _MAX_LINE:
        raise bad_request(f"A line is longer than {_MAX_LINE} characters.")
    return mime


def _mailboxes(asked: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that are not given as such. Raises Refusal for an illegal address to reply to."""
    reply_to = asked.get("ReplyToAddresses") or []
    for mailbox in reply_to:
        if not _ADDRESS.fullmatch(parseaddr(mailbox)[1]):
            raise bad_request("Illegal address in ReplyToAddresses.")
    found = {"From": asked.get("FromEmailAddress", ""), "Reply-To": ", ".join(reply_to)}
    return {name: value for name, value in found.items() if value}


def _recipients(destination: Mapping[str, Any]) -> tuple[list[str], Refusal | None]:
    """Return the bare addresses, and what is wrong with them if anything is."""
    given = [
        mailbox
        for kind in ("ToAddresses", "CcAddresses", "BccAddresses")
        for mailbox in destination.get(kind) or ()
    ]
    if len(given) > _MAX_RECIPIENTS:
        raise bad_request(f"Recipient count exceeds {_MAX_RECIPIENTS}.")
    if not given:
        return [], bad_request("No recipients.")
    addresses = [text if _ADDRESS.fullmatch(text) else parseaddr(text)[1] for text in given]
    for address in addresses:
        if not address.isascii():
            return addresses, bad_request("Local address contains control or whitespace, or is not ASCII.")
        if not _ADDRESS.fullmatch(address) or len(address) > 320 or ".." in address:
            return addresses, bad_request("Illegal address.")
    return addresses, None


def _headers(given: list[dict[str, str]] | None) -> dict[str, str]:
    if not given:
        return {}
    if len(given) > _MAX_HEADERS:
        raise bad_request(f"{len(given)} headers are more than {_MAX_HEADERS}.")
    headers = {}
    for pair in given:
        name, value = pair["Name"], pair["Value"]
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise bad_request(f"Value at Headers failed to satisfy constraint: {name[:126]}")
        if len(name) + len(value) > 996:
            raise bad_request(f"Header {name} is longer than 996 characters.")
        headers[name] = value
    return headers


def _tags(given: list[dict[str, str]] | None) -> dict[str, str]:
    if not given:
        return {}
    if len(given) > _MAX_TAGS:
        raise bad_request(f"{len(given)} tags are more than {_MAX_TAGS}.")
    tags = {}
    for pair in given:
        name, value = pair["Name"], pair["Value"]
        if not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise bad_request("Invalid tag: only letters, digits, - and _ (at most 256).")
        tags[name] = value
    return tags
