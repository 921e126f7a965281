"""MJML -> HTML, once per issue: MRML in between, and what it does not do done here.

MRML leaves ``mj-style inline`` and short colours alone, reports byte offsets or nothing at all, and
accepts anything: so the page is read as XML first, which finds the line, and checked against MJML's rules.
It also writes attributes as Rust writes strings in its logs: of a no-break space, an accent of its own, a
joined emoji, a line end or a backslash it makes ``\\u{a0}`` and the like. As ``&#160;`` they pass.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lxml import etree
from mjml import mjml2html

from newsletter.compose.structure import find_flaw
from newsletter.errors import IssueError

__all__ = ["Page", "run_mjml"]

#: Given a line of the MJML and what is written there ("" if that is not known), returns the file and the line
#: (if known) that it comes from: of the template, or of the issue if the template only passed it on.
Locate = Callable[[int, str], tuple[str, int | None]]

_INLINE_STYLE: Final = re.compile(
    r"""<mj-style\b[^>]*\binline\s*=\s*["']inline["'][^>]*>(.*?)</mj-style\s*>""", re.DOTALL
)
_COLOURED: Final = re.compile(r"""\b([\w-]*(?:color|border)[\w-]*\s*=\s*)("[^"]*"|'[^']*')""")
_SHORT_COLOUR: Final = re.compile(r"#([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])(?![0-9a-zA-Z])")
_ENTITY: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#[xX][0-9a-fA-F]+);)(?:\w+;)?")
_VOID: Final = re.compile(
    r"<(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b((?:[^\"'>]|\"[^\"]*\"|'[^']*')*?)/?>"
)
_RAW: Final = re.compile(r"(<(mj-style|style|script)\b[^>]*>)(.*?)(</\2\s*>)", re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
#: MRML gives a comment between social icons a cell and a table of its own.
_WRAPPED: Final = re.compile(
    r"<!--\[if mso \| IE\]><td><!\[endif\]--><table\b[^>]*><tbody>(<!--\w+-->)</tbody></table>"
    r"<!--\[if mso \| IE\]></td><!\[endif\]-->"
)
#: What an attribute's value may come from: a start tag, or the title, which becomes an aria-label as well.
_VALUES: Final = re.compile(
    r"""<[a-zA-Z][\w:-]*(?:[^"'<>]++|"[^"]*+"|'[^']*+')*+>|(?<=<mj-title>)[^<]++""", re.DOTALL
)
_QUOTED: Final = re.compile(r""""[^"]*"|'[^']*'""")
_ODD: Final = re.compile(r"[^ -\[\]-~]")  # all but ASCII's printable characters without the backslash
_OFFSET: Final = re.compile(r"at position (\d+)")


@dataclass(frozen=True, slots=True)
class Page:
    """What MJML made: a page, and the CSS that is still to go into style attributes."""

    html: str
    css: str


def run_mjml(mjml: str, locate: Locate) -> Page:
    """Return the page. Raises IssueError, with file and line of template or issue, for MJML that is wrong."""
    css: list[str] = []

    def take(found: re.Match[str]) -> str:
        css.append(re.sub(r"&gt;", ">", found[1]))
        return "\n" * found[0].count("\n")  # so that lines keep their numbers

    source = _VALUES.sub(_numbered, _COLOURED.sub(_six_digits, _INLINE_STYLE.sub(take, mjml)))
    _check(mjml, locate)
    try:
        html = mjml2html(source)
    except ValueError as error:
        offset = _OFFSET.search(str(error))
        before = source.encode()[: int(offset[1])] if offset else b""
        file, line = locate(before.count(b"\n") + before.count(b"&#10;") + 1, "")
        raise IssueError(
            f"MJML cannot read this: {error}.",
            hint="Look for an attribute without quotes, or a tag that is not closed, in or above this line.",
            file=file,
            line=line if offset else None,
        ) from error
    return Page(_WRAPPED.sub(r"\1", html), "\n".join(css))


def _numbered(found: re.Match[str]) -> str:
    """Return a start tag or a title with what MRML would spell out, in attributes, as numbers."""

    def number(text: re.Match[str]) -> str:
        return _ODD.sub(lambda odd: f"&#{ord(odd[0])};", text[0])

    if found[0].isascii() and found[0].isprintable() and "\\" not in found[0]:
        return found[0]
    return _QUOTED.sub(number, found[0]) if found[0].startswith("<") else number(found)


def _six_digits(attribute: re.Match[str]) -> str:
    """Return an attribute with #abc written #aabbcc: Outlook's ``bgcolor`` knows only that."""
    return attribute[1] + _SHORT_COLOUR.sub(r"#\1\1\2\2\3\3", attribute[2])


def _check(mjml: str, locate: Locate) -> None:
    """Raise IssueError if the text is not well-formed, or uses elements that MJML would drop."""
    for style in _RAW.finditer(mjml):
        if style[2] == "mj-style" and "<" in style[3]:
            file, line = locate(mjml.count("\n", 0, style.start(3) + style[3].index("<")) + 1, "")
            hint = "Write @media (max-width: 600px), and leave < out of comments."
            raise IssueError("MJML cannot read < inside <mj-style>.", hint=hint, file=file, line=line)
    text = _as_xml(mjml)
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, huge_tree=True))
    except etree.XMLSyntaxError as error:
        raise _broken(error, locate) from error
    if root.tag != "mjml":
        file, line = locate(1, "")
        raise IssueError(
            f"The layout begins with <{root.tag}>.", hint="It must be <mjml>…</mjml>.", file=file, line=line
        )
    if flaw := find_flaw(root, text):
        file, line = locate(flaw.line, flaw.written)
        raise IssueError(flaw.what, hint=flaw.hint, file=file, line=line)


def _broken(error: etree.XMLSyntaxError, locate: Locate) -> IssueError:
    file, line = locate(error.lineno or 1, "")
    what = re.sub(r"(?:, line \d+, column \d+.*)$", "", str(error.msg))
    if mismatch := re.match(r"Opening and ending tag mismatch: (\S+) line (\d+) and (\S+)", what):
        # where a tag was opened tells more than where its end was missed
        what = f"<{mismatch[1]}> is not closed before </{mismatch[3]}> ({file}:{line})"
        file, line = locate(int(mismatch[2]), "")
    return IssueError(
        f"The MJML is broken here: {what}.",
        hint="Close each tag, put attributes in quotes, and write < as &lt;.",
        file=file,
        line=line,
    )


def _as_xml(mjml: str) -> str:
    """Return MJML with what it takes from HTML written as XML; lines keep their numbers."""

    def blank(text: str) -> str:
        return "\n" * text.count("\n")

    text = _COMMENT.sub(lambda found: blank(found[0]), mjml)
    text = _RAW.sub(lambda found: found[1] + blank(found[3]) + found[4], text)
    text = _ENTITY.sub("&amp;", text)
    return _VOID.sub(lambda found: f"<{found[1]}{found[2]}/>", text)
