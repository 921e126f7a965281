"""The parameters of one call to Amazon SES, and what SES would not take, found before it is asked.

Decision: botocore's validation is off. It costs a third of a bulk call and knows nothing of the limits that
matter (50 entries, 1 MB, 40 MB). Ours are those of the SES API v2 reference and of "Service quotas in
Amazon SES".
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from newsletter.model import BulkTemplate, Image, Letter
from newsletter.senders.wire import is_deliverable

__all__ = [
    "MAX_BULK",
    "MAX_CALL_BYTES",
    "as_json",
    "bulk_body",
    "bulk_content",
    "bulk_entry",
    "entry_fault",
    "is_like",
    "letter_fault",
    "raw_call",
    "set_up_fault",
]

MAX_BULK: Final = 50  #: letters in one SendBulkEmail
#: "1 MB" of input JSON with an inline template: the smaller reading of MB, less room for the list's commas
MAX_CALL_BYTES: Final = 999_000
_MAX_MESSAGE = 40 * 1024 * 1024  # bytes after base64, which is how a raw message travels
_MAX_VALUES = 262_144  # characters of ReplacementTemplateData
_MAX_HEADERS = 15  # in one message: the template's and the letter's own together
_MAX_HEADER = 996  # characters of name and value
_PLAINLY_SHORT = 800  # characters of a header's value
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


def set_up_fault(letter: Letter) -> str | None:
    """Return what is wrong with a letter that is our doing or the settings', not the reader's; or None."""
    for name, value in letter.tags.items():
        if not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            return f"Amazon SES does not take the tag {name!r}: only letters, digits, - and _."
    shared = letter.template.headers if letter.template else {}
    if (count := len(shared.keys() | letter.headers.keys())) > _MAX_HEADERS:
        return f"Amazon SES takes {_MAX_HEADERS} headers in bulk, not {count}."
    for name, value in (*shared.items(), *letter.headers.items()):
        fits = len(name) + len(value) <= _MAX_HEADER
        if not (fits and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            return f"Amazon SES does not take the header {name!r} in bulk ({len(value)} characters)."
    if letter.template and sum(map(len, letter.template.defaults.values())) > _MAX_VALUES // 2:
        return 'The braces of this issue are too many for bulk. Set api = "raw" under [ses].'
    if len(letter.mime) * 4 // 3 > _MAX_MESSAGE:
        return f"The message is larger than 40 MB: {len(letter.mime):,} bytes before base64."
    return None


def is_like(letter: Letter, sound: Letter) -> bool:
    """Say whether a letter differs from a sound one only by values that are plainly fine: quick to see."""
    return (
        letter.template is sound.template
        and letter.headers.keys() == sound.headers.keys()
        and letter.tags.keys() == sound.tags.keys()
        and not letter.mime
        and all(map(_TAG.fullmatch, letter.tags.values()))
        and all(
            0 < len(value) <= _PLAINLY_SHORT and value.isascii() and value.isprintable()
            for value in letter.headers.values()
        )
    )


def letter_fault(letter: Letter) -> str | None:
    """Return why this letter, and only this one, can never be sent; None if it can."""
    return None if is_deliverable(letter.to) else "The address is not one that mail can be sent to."


def raw_call(letter: Letter, configuration_set: str) -> dict[str, Any]:
    """Return the parameters of SendEmail for one whole message. SES takes the sender from its From."""
    call: dict[str, Any] = {
        "Destination": {"ToAddresses": [letter.to]},
        "Content": {"Raw": {"Data": letter.mime}},
        "EmailTags": _pairs(letter.tags),
    }
    return call | ({"ConfigurationSetName": configuration_set} if configuration_set else {})


def bulk_content(template: BulkTemplate, *, sender: str, configuration_set: str) -> dict[str, Any]:
    """Return the parameters of SendBulkEmail without its entries: what all letters share.

    The template's Reply-To goes where SES wants it; its other headers are custom ones.
    """
    headers = dict(template.headers)
    reply_to = headers.pop("Reply-To", "")
    content: dict[str, Any] = {
        "TemplateContent": {"Subject": template.subject, "Html": template.html, "Text": template.text},
        "TemplateData": as_json(template.defaults).decode(),
        "Headers": _pairs(headers),
    }
    if template.images:
        content["Attachments"] = [_attachment(image) for image in template.images]
    call: dict[str, Any] = {"FromEmailAddress": sender, "DefaultContent": {"Template": content}}
    if reply_to:
        call["ReplyToAddresses"] = [reply_to]
    return call | ({"ConfigurationSetName": configuration_set} if configuration_set else {})


def bulk_entry(letter: Letter) -> dict[str, Any]:
    """Return one entry of SendBulkEmail: one address, so that nobody sees another's."""
    return {
        "Destination": {"ToAddresses": [letter.to]},
        "ReplacementTags": _pairs(letter.tags),
        "ReplacementEmailContent": {
            "ReplacementTemplate": {"ReplacementTemplateData": as_json(letter.values).decode()}
        },
        "ReplacementHeaders": _pairs(letter.headers),
    }


def entry_fault(entry: Mapping[str, Any]) -> str | None:
    """Return why this entry, and only this one, can never be sent in bulk; None if it can."""
    values = entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
    if len(values) > _MAX_VALUES:
        return f"What is this reader's own is too long for bulk: {len(values):,} characters, 262,144 fit."
    return None


def as_json(parameters: Any) -> bytes:
    """Return parameters as the JSON of a request, UTF-8; bytes travel as base64."""
    return orjson.dumps(parameters, default=lambda data: base64.b64encode(data).decode("ascii"))


def bulk_body(content: bytes, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the body of SendBulkEmail. content: what all letters share, as JSON."""
    return b'%b,"BulkEmailEntries":%b}' % (content[:-1], as_json(entries))


def _attachment(image: Image) -> dict[str, Any]:
    return {
        "RawContent": image.data,
        "FileName": image.name,
        "ContentType": image.content_type,
        "ContentDisposition": "INLINE",
        "ContentId": image.cid,
        "ContentTransferEncoding": "BASE64",
    }


def _pairs(names: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in names.items()]
