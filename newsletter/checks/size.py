"""How large the largest message may get.

- Gmail cuts a message whose HTML is over 102 KB, and hides the unsubscribe link with the rest.
- Amazon SES takes 40 MB after encoding, and slows down above 10 MB ("Service quotas in Amazon SES").
"""

import html
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jinja2 import nodes

from newsletter.checks.residuals import every_branch, largest
from newsletter.checks.rules import Rule
from newsletter.model import CompiledIssue, Finding, Level
from newsletter.settings import Tracking

__all__ = ["CLIPPED", "NEAR", "check", "largest_html"]

TOO_LARGE: Final = Rule("size-clipped", Level.ERROR)
NEARLY: Final = Rule("size-near-clipping", Level.WARNING)
REFUSED: Final = Rule("message-too-large", Level.ERROR)
SLOWED: Final = Rule("message-large", Level.WARNING)

CLIPPED: Final = 102 * 1024  #: bytes of UTF-8 HTML, before quoted-printable
NEAR: Final = 90 * 1024
_MB: Final = 1024 * 1024
_REFUSED: Final = 40 * _MB
_SLOWED: Final = 10 * _MB
_VALUE: Final = 120  # bytes of a long value: 60 letters that take two bytes each
_LINK: Final = 240  # bytes of a signed link
_TRACKED: Final = 220  # bytes that Amazon's redirect adds to a link
_PIXEL: Final = 300  # bytes of the picture that counts opens
_LINKS: Final = frozenset({"unsubscribe_url", "preferences_url", "web_view_url"})
_QUOTED: Final = 1.15  # quoted-printable, for mostly Latin text; other scripts are far from any limit too
_BASE64: Final = 4 / 3 * 78 / 76  # with a line end after 76 characters


def check(issue: CompiledIssue, where: str, tracking: Tracking) -> Iterator[Finding]:
    """Measure the largest message that anybody may get."""
    size = largest_html(issue, tracking)
    if size >= NEAR:
        yield (TOO_LARGE if size >= CLIPPED else NEARLY)(
            where,
            f"the HTML may reach {size / 1024:.0f} KB; Gmail cuts messages at 102 KB.",
            "Shorten the issue: move the longest section to your website and link to it.",
        )
    text = largest(issue.text, _bytes, _length)
    whole = (size + text) * _QUOTED + sum(len(image.data) for image in issue.embedded) * _BASE64
    if whole >= _SLOWED:
        yield (REFUSED if whole >= _REFUSED else SLOWED)(
            where,
            f"a message has {whole / _MB:.0f} MB; Amazon takes 40 MB, and slows down above 10 MB.",
            "Make the pictures smaller, or link to them.",
        )


def largest_html(issue: CompiledIssue, tracking: Tracking) -> int:
    """Return the bytes of the largest HTML part: the largest branch of each condition, every value long.

    tracking: what Amazon adds when it counts opens and clicks.
    """
    size = largest(issue.html, _bytes, _length)
    if tracking.clicks:
        size += _TRACKED * every_branch(issue.html).count('href="http')
    return size + _PIXEL * tracking.opens


def _bytes(text: str) -> int:
    return len(text.encode())


def _length(node: nodes.Node, constants: Mapping[str, Any]) -> int:
    """Return how many bytes a value may take."""

    def most(*parts: nodes.Node | None) -> int:
        return max(_length(part, constants) if part is not None else 0 for part in parts)

    match node:
        case nodes.Const():
            length = _bytes(html.escape(str(node.value)))
        case nodes.Name() if node.name in constants:
            length = _bytes(html.escape(str(constants[node.name])))
        case nodes.Name():
            length = _LINK if node.name in _LINKS else _VALUE
        case nodes.Getattr() | nodes.Getitem():
            length = _VALUE
        case nodes.CondExpr():
            length = most(node.expr1, node.expr2)
        case nodes.And() | nodes.Or():
            length = most(node.left, node.right)
        case nodes.Compare() | nodes.Test() | nodes.Not():
            length = len("False")
        case nodes.Filter(name="default" | "d"):
            length = most(node.node, *node.args)
        case _:
            length = sum(_length(part, constants) for part in node.iter_child_nodes())
    return length
