"""What a reader would see of a mail: templates filled as SES fills them, raw messages taken apart."""

import email
import email.policy
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

__all__ = ["KEPT_HEADERS", "RenderingFailed", "of_raw", "of_simple", "of_template", "raw_headers"]

#: Headers that the accepted log keeps, besides each that starts with X-.
KEPT_HEADERS: Final = frozenset(
    (
        "From",
        "To",
        "Subject",
        "Reply-To",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Feedback-ID",
    )
)

_PLACE = re.compile(r"\{\{\{\s*([A-Za-z_][\w-]*)\s*\}\}\}|\{\{\s*([A-Za-z_][\w-]*)\s*\}\}")
_FOLD = re.compile(r"\r?\n(?=[ \t])")


class RenderingFailed(Exception):  # noqa: N818 (the event's name)
    """SES took the mail and cannot fill its template: nobody gets it, and only an event says so."""


def of_template(template: Mapping[str, Any], values: str) -> dict[str, str]:
    """Return subject, html and text of one entry. Values go in as they are: SES escapes nothing.

    Raises RenderingFailed for a name without a value, and for anything but simple substitutions.
    """
    try:
        data = {**json.loads(template.get("TemplateData") or "{}"), **json.loads(values)}
    except (ValueError, TypeError):
        raise RenderingFailed("The template data is not a JSON object.") from None
    content = template["TemplateContent"]
    return {part.lower(): _fill(content.get(part) or "", data) for part in ("Subject", "Html", "Text")}


def _fill(template: str, data: Mapping[str, Any]) -> str:
    pieces = list(_pieces(template))
    for place in range(1, len(pieces), 2):
        name = pieces[place]
        if name not in data:
            raise RenderingFailed(f"Attribute '{name}' is not present in the rendering data.")
        pieces[place] = str(data[name])
    return "".join(pieces)


@lru_cache(maxsize=64)
def _pieces(template: str) -> tuple[str, ...]:
    """Return text and names by turns."""
    found: list[str] = []
    at = 0
    for match in _PLACE.finditer(template):
        found += [template[at : match.start()], match[1] or match[2]]
        at = match.end()
    found.append(template[at:])
    if any("{{" in text or text.endswith("\\") for text in (*found[:-1:2], found[-1] + ".")):
        raise RenderingFailed("Inline templates support only simple substitutions.")
    return tuple(found)


def of_simple(simple: Mapping[str, Any]) -> dict[str, str]:
    """Return subject, html and text of a simple message."""
    body = simple["Body"]
    return {
        "subject": simple["Subject"]["Data"],
        "html": (body.get("Html") or {}).get("Data", ""),
        "text": (body.get("Text") or {}).get("Data", ""),
    }


def of_raw(mime: bytes) -> dict[str, str]:
    """Return subject, html and text of a raw message, decoded; line ends as in the template: LF."""
    message = email.message_from_bytes(mime, policy=email.policy.default)
    parts = {"html": "", "text": ""}
    for kind, name in (("html", "html"), ("plain", "text")):
        part = message.get_body(preferencelist=(kind,))
        if part is not None:
            parts[name] = part.get_content().replace("\r\n", "\n")
    return {"subject": str(message["Subject"] or ""), **parts}


def raw_headers(mime: bytes) -> dict[str, str]:
    """Return the top headers of a raw message, unfolded; the first of each name."""
    head = mime.partition(b"\r\n\r\n" if b"\r\n\r\n" in mime else b"\n\n")[0]
    found: dict[str, str] = {}
    for line in _FOLD.sub("", head.decode("utf-8", "replace")).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found
