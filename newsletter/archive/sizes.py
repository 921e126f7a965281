"""Pictures in the sizes that pages show them at: a phone need not load what a large screen does.

What an issue holds is twice as wide as a mail shows it, and JPEG or PNG, as mail programs want it. Browsers
read WebP, which takes a fraction of that. The same picture always gives the same bytes.
"""

import io
import re
from dataclasses import dataclass
from typing import Final

from PIL import Image as Pillow

from newsletter.model import Image

__all__ = ["SMALLER", "SMALLER_TYPE", "Picture", "measure", "smaller"]

SMALLER: Final = 640  #: pixels; a phone's screen, or a card of the index at twice the density
SMALLER_TYPE: Final = "image/webp"
_WORTH_IT: Final = 1.3  #: how much wider the stored picture must be
_NAME: Final = re.compile(r"(?P<stem>.+)\.(?:jpg|png)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A stored picture, without its bytes. src: how the mail refers to it. small: the smaller one's name."""

    src: str
    name: str
    content_type: str
    width: int
    height: int
    size: int
    small: str = ""


def measure(image: Image) -> Picture:
    """Return what is known of a picture, width and height in pixels."""
    with Pillow.open(io.BytesIO(image.data)) as opened:
        width, height = opened.size
    found = _NAME.fullmatch(image.name)
    small = f"{found['stem']}-{SMALLER}.webp" if found and width >= _WORTH_IT * SMALLER else ""
    return Picture(
        src=image.src,
        name=image.name,
        content_type=image.content_type,
        width=width,
        height=height,
        size=len(image.data),
        small=small,
    )


def smaller(image: Image) -> bytes:
    """Return a picture's smaller one, as WebP."""
    with Pillow.open(io.BytesIO(image.data)) as opened:
        height = max(1, round(opened.height * SMALLER / opened.width))
        clear = opened.mode in {"RGBA", "LA", "PA"} or "transparency" in opened.info
        made = opened.convert("RGBA" if clear else "RGB").resize((SMALLER, height), Pillow.Resampling.LANCZOS)
        written = io.BytesIO()
        made.save(written, "WEBP", quality=82, method=6)
    return written.getvalue()
