"""An issue once rendered, and what a check finds about it."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

__all__ = ["CompiledIssue", "Finding", "Image", "Level", "Residual", "WebCopy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Residual:
    """What is left of a template once everything that is the same for all people has been rendered.

    source: Jinja with private-use delimiters (``newsletter.personal.fill``), so that literal text is
    never parsed as Jinja. constants: JSON values that the expressions refer to by name.
    """

    source: str
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A picture of an issue.

    name: file name, unique in the issue. cid: Content-ID without brackets (RFC 2392), under which it travels
    with the message; url: where it is published instead, "" if it travels.
    """

    name: str
    cid: str
    content_type: str
    data: bytes = field(repr=False)
    url: str = ""

    @property
    def src(self) -> str:
        """How the HTML part refers to it."""
        return self.url or f"cid:{self.cid}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WebCopy:
    """What an issue's page on the web says: made from the same Markdown as the mail, without its template.

    body: plain HTML, headings and blocks one after the other. summary: the preheader, as text.
    direction: "ltr" or "rtl".
    """

    body: Residual
    summary: Residual
    author: str = ""
    tags: Sequence[str] = ()
    direction: str = "ltr"


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledIssue:
    """An issue after Jinja, MJML and premailer have run once; plain JSON when stored.

    subject, html, text: to be filled for each person. fields: the subscriber fields that they use,
    such as ``first_name``. defaulted: those of them that have a default everywhere they are used.
    web: None for an issue that has no page on the web.
    """

    slug: str
    title: str
    language: str  #: BCP 47, such as "en"
    subject: Residual
    html: Residual
    text: Residual
    fields: Sequence[str] = ()
    defaulted: Sequence[str] = ()
    uses_unsubscribe: Sequence[str] = ()  #: the parts ("html", "text") that hold the unsubscribe link
    images: Sequence[Image] = ()
    web: WebCopy | None = None

    def to_json(self) -> str:
        """Return the issue as JSON: the same issue always gives the same text."""
        plain = {
            "slug": self.slug,
            "title": self.title,
            "language": self.language,
            **{
                part: _plain(residual)
                for part, residual in (("subject", self.subject), ("html", self.html), ("text", self.text))
            },
            "fields": list(self.fields),
            "defaulted": list(self.defaulted),
            "uses_unsubscribe": list(self.uses_unsubscribe),
            "images": [
                {
                    "name": image.name,
                    "cid": image.cid,
                    "content_type": image.content_type,
                    "url": image.url,
                    "data": base64.b64encode(image.data).decode("ascii"),
                }
                for image in self.images
            ],
        }
        if self.web is not None:
            plain["web"] = {
                "body": _plain(self.web.body),
                "summary": _plain(self.web.summary),
                "author": self.web.author,
                "tags": list(self.web.tags),
                "direction": self.web.direction,
            }
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the issue that ``to_json`` wrote."""
        plain = json.loads(text)
        parts: dict[str, Any] = {part: Residual(**plain.pop(part)) for part in ("subject", "html", "text")}
        images = [
            Image(**{**image, "data": base64.b64decode(image["data"])}) for image in plain.pop("images")
        ]
        web: dict[str, Any] | None = plain.pop("web", None)
        if web is not None:
            web |= {part: Residual(**web[part]) for part in ("body", "summary")}
        return cls(**plain, **parts, images=images, web=WebCopy(**web) if web else None)

    @property
    def embedded(self) -> list[Image]:
        """The pictures that travel with each message; the others are published once."""
        return [image for image in self.images if not image.url]

    @property
    def page(self) -> str:
        """The file name of its page on the web, "" if it has none."""
        return f"{self.slug}.html" if self.web is not None else ""

    @property
    def hash(self) -> str:
        """SHA-256 of the JSON form, in hex: two issues with one hash send the same mail."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _plain(residual: Residual) -> dict[str, Any]:
    return {"source": residual.source, "constants": dict(residual.constants)}


class Level(StrEnum):
    """How grave a finding is. Only errors stop a send."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a check found. where: "file:line" or the part; mend: what to do about it."""

    level: Level
    check: str
    where: str
    what: str
    mend: str
