"""Pictures next to the issue -> pictures that travel with the message, or are published once.

They are found, made ready by ``encoding``, named after their content, and counted once each.
"""

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from newsletter.compose.encoding import encode
from newsletter.errors import IssueError, did_you_mean
from newsletter.model import Image

__all__ = ["CONTENT_WIDTH", "Album", "Embedded", "Picture", "is_remote"]

#: The width of the letter, in CSS pixels, and so the most that a picture is shown at.
CONTENT_WIDTH: Final = 600
_REMOTE: Final = re.compile(r"https?://", re.IGNORECASE)
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """A picture as the message refers to it.

    src: ``cid:…``, or the address of a published or remote picture. width, height: shown size in CSS pixels.
    pixels: width and height of what travels; size: its bytes. All None for a remote picture.
    """

    src: str
    width: int | None = None
    height: int | None = None
    pixels: tuple[int, int] | None = None
    size: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What is known of one picture in an issue, for the checks.

    source: as the owner wrote it; file, line: where. alt: None if not given at all, "" for decoration.
    width: shown width in CSS pixels; pixels: width and height of what travels; size: its bytes. The last
    three are None for a picture that stays on the web.
    """

    source: str
    alt: str | None
    file: str
    line: int | None
    width: int | None = None
    pixels: tuple[int, int] | None = None
    size: int | None = None


@dataclass
class Album:
    """Collects the pictures of one issue; the same picture at the same width travels once."""

    root: Path  #: the workspace: pictures outside of it are refused
    published: str = ""  #: the address that published pictures stand under; "": they travel
    images: dict[str, Image] = field(default_factory=dict)  #: by cid
    _made: dict[tuple[Path, int], Embedded] = field(default_factory=dict)

    def add(
        self, src: str, folder: Path, *, file: str, line: int | None, width: int = CONTENT_WIDTH
    ) -> Embedded:
        """Return the picture that ``src`` names, from the folder; width: the most it is shown at, CSS pixels.

        file, line: where it is asked for. Raises IssueError if it is missing, elsewhere or no picture.
        """
        if is_remote(src):
            return Embedded(src=src)
        path = self._find(src, folder, file, line)
        made = self._made.get((path, width))
        if made is None:
            made = self._made[path, width] = self._make(path, width, src, file, line)
        return made

    def _find(self, src: str, folder: Path, file: str, line: int | None) -> Path:
        if _SCHEME.match(src) or src.startswith("/") or "\\" in src or "\0" in src or not src.strip():
            raise IssueError(
                f'"{src}" is not a picture next to the issue.',
                hint="Write a path from the issue's folder, such as pictures/drum.jpg, or an https address.",
                file=file,
                line=line,
            )
        path = (folder / unquote(src)).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise IssueError(
                f'The picture "{src}" is outside of the workspace.',
                hint="Copy it next to the issue.",
                file=file,
                line=line,
            )
        if not path.is_file():
            names = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
            raise IssueError(
                f'There is no picture "{src}".{did_you_mean(path.name, names)}',
                hint="Paths start at the issue's folder; capitals count.",
                file=file,
                line=line,
            )
        return path

    def _make(self, path: Path, width: int, src: str, file: str, line: int | None) -> Embedded:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Pillow.DecompressionBombWarning)
                made = encode(path.read_bytes(), 2 * width)
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise IssueError(
                f'"{src}" is no picture that mail can carry.',
                hint="Save it as JPEG (photographs) or PNG (drawings).",
                file=file,
                line=line,
            ) from error
        except (Pillow.DecompressionBombWarning, Pillow.DecompressionBombError) as error:
            raise IssueError(
                f'"{src}" is far too large.',
                hint="Save it with at most a few thousand pixels on each side.",
                file=file,
                line=line,
            ) from error
        stem = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "picture"
        cid = f"{made.digest[:20]}@newsletter"
        extension = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif"}[made.kind]
        name = f"{stem[:40]}-{made.digest[:12]}.{extension}"
        url = f"{self.published}/{name}" if self.published else ""
        image = self.images.setdefault(
            cid, Image(name=name, cid=cid, content_type=made.kind, data=made.data, url=url)
        )
        shown = min(width, made.pixels[0])
        height = max(1, round(made.pixels[1] * shown / made.pixels[0]))
        return Embedded(src=image.src, width=shown, height=height, pixels=made.pixels, size=len(made.data))


def is_remote(src: str) -> bool:
    """Say whether a picture stays on the web: an http or https address."""
    return bool(_REMOTE.match(src))
