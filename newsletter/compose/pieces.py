"""Markdown tokens -> pieces: what a template shows one after the other.

The body up to the first ``##`` is the lead, each ``##`` begins a section. A piece is a mapping with a
``kind``: text, image, button, divider, callout, quote, event, columns, signature, or raw, which is the
token of a condition or loop around whole pieces (README, "Templates").
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lxml.html import HtmlElement
from markdown_it.token import Token
from markupsafe import Markup

from newsletter.compose.containers import NAMES, Container, lines_of, read_container, read_event, with_lines
from newsletter.compose.issue_file import IssueFile
from newsletter.compose.markdown import Markdown, blocks
from newsletter.compose.nesting import groups
from newsletter.compose.pictures import Pictures
from newsletter.compose.plain_text import PlainText
from newsletter.compose.slots import Slot, Slots
from newsletter.compose.tidying import tidy_html
from newsletter.errors import IssueError, did_you_mean

__all__ = ["Body", "Piece", "Pieces", "Section", "read_body"]

Piece = dict[str, Any]

#: The most that the picture in a signature is shown at, CSS pixels.
_PORTRAIT_WIDTH: Final = 160
#: Inline tokens that show nothing if they have no content.
_BLANK: Final = frozenset({"text", "softbreak", "hardbreak"})


class Pieces(list[Piece]):
    """The pieces of the lead or of a section. shown: whether a template has gone through them."""

    shown = False

    def __iter__(self) -> Iterator[Piece]:
        """Remember that a template shows these."""
        self.shown = True
        return super().__iter__()


@dataclass(frozen=True)
class Section:
    """A section: its heading, a name for links to it, its pieces, and its text without the heading."""

    title: str
    id: str
    pieces: Pieces
    text: str


@dataclass(frozen=True)
class Body:
    """The whole body. text: the lead and all sections with underlined headings."""

    lead: Pieces
    lead_text: str
    sections: Sequence[Section] = field(default_factory=list)
    text: str = ""


def read_body(source: str, issue: IssueFile, language: str, slots: Slots, pictures: Pictures) -> Body:
    """Return the body of an issue. source: its Markdown after Jinja. Raises IssueError with file and line."""
    markdown, text = Markdown(slots, language), PlainText(slots)
    tokens = markdown.parse(source)
    chunks: list[tuple[Token | None, list[Token]]] = [(None, [])]
    for block in blocks(tokens):
        if block[0].type == "heading_open" and block[0].tag == "h2":
            chunks.append((block[1], []))
        else:
            chunks[-1][1].extend(block)
    _check_conditions(markdown, [inside for _, inside in chunks])
    maker = _Maker(markdown, issue, pictures)
    maker.check(tokens)
    lead = maker.pieces(chunks[0][1])
    lead_text = text.write(chunks[0][1])
    parts, sections, ids = [lead_text], [], set[str]()
    for heading, inside in chunks[1:]:
        title = text.inline(heading) if heading is not None else ""
        section = Section(title, _id(slots.without(title), ids), maker.pieces(inside), text.write(inside))
        sections.append(section)
        parts.append(f"{text.underlined(title)}\n\n{section.text}")
    return Body(lead=lead, lead_text=lead_text, sections=sections, text="\n\n".join(parts).strip("\n"))


def _check_conditions(markdown: Markdown, chunks: Sequence[Sequence[Token]]) -> None:
    """Raise IssueError for a condition that opens in the middle of one section and closes in another.

    One that encloses whole sections is fine: it opens after all else of the part before the heading, and
    closes after all else of its last section.
    """
    found: list[
        tuple[Slot, int, bool]
    ] = []  # with the chunk it is in, and whether only such lines follow there
    for number, chunk in enumerate(chunks):
        parts = blocks(chunk)
        for at, part in enumerate(parts):
            if part[0].type == "deferred":
                last = all(other[0].type == "deferred" for other in parts[at:])
                found += [(slot, number, last) for slot in markdown.slots_of(part[0])]
    for group in groups([slot for slot, _, _ in found]):
        members = [found[position] for position in group]
        if len({chunk for _, chunk, _ in members}) > 1 and not all(last for _, _, last in members):
            raise members[0][0].error(
                f"{members[0][0]} opens in one section and closes in another.",
                hint="Close it before the next ## heading, or open it directly above a ## heading and close "
                "it at a section's end.",
            )


def _id(title: str, taken: set[str]) -> str:
    stem = re.sub(r"[\W_]+", "-", title.lower()).strip("-") or "section"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name)
    return name


class _Maker:
    """Turns tokens into pieces."""

    def __init__(self, markdown: Markdown, issue: IssueFile, pictures: Pictures) -> None:
        self._markdown, self._issue, self._pictures = markdown, issue, pictures

    def pieces(self, tokens: Sequence[Token]) -> Pieces:
        """Return the pieces of some blocks; neighbouring text becomes one piece."""
        made = Pieces()
        text: list[Token] = []
        for block in blocks(tokens):
            piece = self._piece(block)
            if piece is None:
                text += block
                continue
            if text:
                made.append({"kind": "text", "html": self._html(text)})
                text = []
            made.append(piece)
        if text:
            made.append({"kind": "text", "html": self._html(text)})
        return made

    def _piece(self, block: Sequence[Token]) -> Piece | None:
        """Return the piece that a block is by itself, or None for text."""
        first = block[0]
        match first.type:
            case "deferred":
                return {"kind": "raw", "token": Markup(first.content)}  # noqa: S704 (letters and digits)
            case "hr":
                return {"kind": "divider"}
            case "container_block_open":
                container = read_container(block)
                if container.name == "column":
                    raise self._error(
                        container, "A column stands outside of columns.", "Put it into ::: columns."
                    )
                return {"kind": container.name, **getattr(self, f"_{container.name}")(container)}
            case "paragraph_open":
                self._check_stray(block[1])
                return self._image_alone(block[1].children or [])
            case _:
                return None

    def _html(self, tokens: Sequence[Token], width: int | None = None) -> Markup:
        """Return tidy HTML of some blocks. width: the most that a picture in it is shown at."""

        def resolve(element: HtmlElement) -> None:
            self._pictures.resolve(element, width)

        return Markup(tidy_html(self._markdown.html(tokens), resolve))  # noqa: S704 (the owner's own markup)

    def _image_alone(self, children: Sequence[Token], width: int | None = None) -> Piece | None:
        """Return an image piece if these inline tokens are one picture, perhaps linked, and nothing else.

        width: the most that it is shown at, CSS pixels; default: the letter's width.
        """
        children = [child for child in children if child.content.strip() or child.type not in _BLANK]
        href = ""
        if len(children) == 3 and children[0].type == "link_open" and children[2].type == "link_close":
            href, children = str(children[0].attrGet("href") or ""), children[1:2]
        if len(children) != 1 or children[0].type != "image":
            return None
        image = children[0]
        src, caption = str(image.attrGet("src") or ""), str(image.attrGet("title") or "")
        made = self._pictures.add(src, image.content, width=width)
        return {"kind": "image", **made, "caption": caption, "href": href}

    # -- the containers, one method each --------------------------------------------------------

    def _button(self, container: Container) -> Piece:
        children = [child for token in container.inside for child in token.children or ()]
        ends = [n for n, child in enumerate(children) if child.type in {"link_open", "link_close"}]
        texts = [child.content for n, child in enumerate(children) if ends and ends[0] < n < ends[-1]]
        outside = [c for n, c in enumerate(children) if not ends or not ends[0] <= n <= ends[-1]]
        if (
            len(ends) != 2
            or any(child.content.strip() for child in outside)
            or len(blocks(container.inside)) != 1
        ):
            raise self._error(
                container, "A button is one link and nothing else.", "[Book a place](https://…)"
            )
        return {"label": "".join(texts), "href": str(children[ends[0]].attrGet("href") or "")}

    def _callout(self, container: Container) -> Piece:
        return {"html": self._html(container.inside), "title": container.title}

    def _quote(self, container: Container) -> Piece:
        return {"html": self._html(container.inside), "author": container.title}

    def _event(self, container: Container) -> Piece:
        event = read_event(container)
        return {
            "html": self._html(event.rest),
            "title": container.title,
            "when": event.when,
            "where": event.where,
        }

    def _columns(self, container: Container) -> Piece:
        columns = container.columns()
        if not 2 <= len(columns) <= 4:
            hint = "Part two to four columns by lines that hold only ---."
            raise self._error(container, f"There are {len(columns)} columns.", hint)
        width = self._pictures.content_width // len(columns) - 20  # less the space between columns
        return {"columns": [{"html": self._html(column, width)} for column in columns]}

    def _signature(self, container: Container) -> Piece:
        image: Piece | None = None
        rest: list[Token] = []
        for block in blocks(container.inside):
            part = list(block)
            if part[0].type == "paragraph_open" and image is None:
                first, *others = lines_of(part[1])
                if found := self._image_alone(first, _PORTRAIT_WIDTH):  # the text may follow on the next line
                    image = {key: found[key] for key in ("src", "alt", "width", "height")}
                    part = [part[0], with_lines(part[1], others), part[2]] if others else []
            rest += part
        return {"html": self._html(rest), "name": container.title, "image": image}

    # -- what owners get wrong ------------------------------------------------------------------

    def check(self, tokens: Sequence[Token]) -> None:
        """Raise IssueError for a container that does not exist or is not closed, wherever it stands."""
        for token in tokens:
            if token.type == "container_block_open":
                container = read_container([token, token])
                self._check(container, unclosed=bool(token.meta.get("unclosed")))

    def _check(self, container: Container, *, unclosed: bool) -> None:
        if container.name not in (*NAMES, "column"):
            near = did_you_mean(container.name, NAMES)
            raise self._error(
                container, f"There is no block ::: {container.name}.{near}", f"Blocks: {', '.join(NAMES)}."
            )
        if unclosed:
            raise self._error(
                container, f"::: {container.name} is not closed.", "Write a line ::: where the block ends."
            )

    def _check_stray(self, inline: Token) -> None:
        if re.match(r":{3,}\s*\w*", inline.content):
            line = self._issue.line_of(inline.content.splitlines()[0], (inline.map or [0])[0] + 1)
            raise IssueError(
                "A line ::: closes no block.",
                hint="Blocks open with ::: and a name, on a line of its own, and close with :::.",
                file=self._issue.file,
                line=line,
            )

    def _error(self, container: Container, message: str, hint: str) -> IssueError:
        line = self._issue.line_of(f"::: {container.name}", self._issue.body_line + container.line - 1)
        return IssueError(message, hint=hint, file=self._issue.file, line=line)
