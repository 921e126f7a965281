"""The pictures that an issue shows: found, made ready by ``images``, and noted for the checks."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from lxml.html import HtmlElement

from newsletter.compose.images import CONTENT_WIDTH, Album, Picture, is_remote
from newsletter.compose.issue_file import IssueFile
from newsletter.compose.slots import Slots

__all__ = ["Pictures"]


@dataclass
class Pictures:
    """Adds pictures of one issue to its album, in the order of their appearance."""

    issue: IssueFile
    album: Album
    slots: Slots
    facts: list[Picture] = field(default_factory=list)
    content_width: int = CONTENT_WIDTH

    def add(
        self, src: str, alt: str | None, *, line: int | None = None, width: int | None = None
    ) -> dict[str, Any]:
        """Return ``src``, ``alt``, ``width`` and ``height`` of a picture, as templates use them.

        Raises IssueError if it cannot be had.
        """
        line = line or self.issue.line_of(src) or self.issue.line_of(unquote(src))
        waits = self.slots.pattern.search(src)  # a reader's own picture: its address is in the data
        width = width or self.content_width
        if waits:
            made: dict[str, Any] = {"src": src, "width": None, "height": None}
        else:
            picture = self.album.add(
                src, self.issue.path.parent, file=self.issue.file, line=line, width=width
            )
            made = {"src": picture.src, "width": picture.width, "height": picture.height}
            self.facts.append(
                Picture(
                    source=src,
                    alt=alt,
                    file=self.issue.file,
                    line=line,
                    width=picture.width,
                    pixels=picture.pixels,
                    size=picture.size,
                )
            )
        return {**made, "alt": alt or ""}

    def resolve(self, element: HtmlElement, width: int | None) -> None:
        """Make an ``img`` element refer to what travels, with its size. width: the most it is shown at."""
        src = element.get("src", "")
        asked = element.get("width", "").removesuffix("px")
        most = min(
            width or self.content_width, int(asked) if asked.isdigit() and int(asked) else self.content_width
        )
        made = self.add(src, element.get("alt"), width=most)
        element.set("src", made["src"])
        if made["width"] and not is_remote(made["src"]):
            element.set("width", str(made["width"]))
        if element.get("alt") is None:
            element.set("alt", "")
        if not element.get("style"):
            element.set("style", "max-width:100%;height:auto")
