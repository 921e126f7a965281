"""One reader's copy of an issue, with what an author wants to know about it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Final

from lxml.html import HtmlElement, document_fromstring

from newsletter.checks.size import CLIPPED
from newsletter.model import Person
from newsletter.personal.fill import context_for
from newsletter.personal.links import Links
from newsletter.personal.press import Press
from newsletter.preview.mail_files import read_headers
from newsletter.preview.workbench import Proof
from newsletter.tokens import Tokens

__all__ = ["Copy", "Field", "copy_for", "inbox_words"]

_SNIPPET: Final = 200  #: characters; no inbox shows more
_PADDING: Final = re.compile("(?:[\u034f\u200b\u200c\u200d\u00ad\ufeff][\\s\u00a0]*){3,}")
_TAGS: Final = {"campaign": "preview", "delivery": "0", "attempt": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A merge field of the issue. value: as the reader's data has it, "" if it has none."""

    name: str
    value: str
    has_default: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """What one reader gets. html_size, size: bytes of the HTML alone, and of the whole message.

    snippet: the words that an inbox shows after the subject; clipped: Gmail would cut the HTML.
    """

    sender: str
    subject: str
    snippet: str
    html: str
    text: str
    headers: Sequence[tuple[str, str]]
    html_size: int
    size: int
    fields: Sequence[Field]

    @property
    def clipped(self) -> bool:
        """Whether Gmail would hide the end of the message, and the unsubscribe link with it."""
        return self.html_size >= CLIPPED


def copy_for(proof: Proof, person: Person, tokens: Tokens) -> Copy:
    """Return the issue as a person gets it. Raises IssueError or ConfigError if no letter can be made.

    tokens: signs the links; one that nothing else trusts, so that a link in a preview does nothing.
    """
    settings = proof.workspace.settings
    context = context_for(person, Links(settings, tokens, "preview", proof.issue.page))
    html = proof.filler.html(context)
    press = Press("raw", proof.issue, settings, tokens, "preview", proof.clock)
    message = press.letter(person, _TAGS).mime
    sender = settings.newsletter.from_
    known = person.fields()
    return Copy(
        sender=parseaddr(sender)[0] or parseaddr(sender)[1],
        subject=proof.filler.subject(context),
        snippet=inbox_words(html),
        html=html,
        text=proof.filler.text(context),
        headers=read_headers(message),
        html_size=len(html.encode()),
        size=len(message),
        fields=[
            Field(name=name, value=_as_text(known.get(name)), has_default=name in proof.issue.defaulted)
            for name in proof.issue.fields
        ],
    )


def inbox_words(html: str) -> str:
    """Return what an inbox shows after the subject: the first words of the body, hidden ones too.

    The preheader is such hidden words; the invisible padding behind it ends the line.
    """
    if not html.strip():
        return ""
    body = document_fromstring(html).find("body")
    words = ""
    for piece in () if body is None else _texts(body):
        words += piece + " "
        if len(words) > 20 * _SNIPPET:
            break
    shown = " ".join(_PADDING.split(words, maxsplit=1)[0].split())
    return shown[:_SNIPPET]


def _texts(element: HtmlElement) -> Iterator[str]:
    if isinstance(element.tag, str) and element.tag not in {"style", "title", "script"}:
        if element.text:
            yield element.text
        for child in element:
            yield from _texts(child)
            if child.tail:
                yield child.tail


def _as_text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
