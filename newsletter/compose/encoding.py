"""A picture's bytes -> the bytes that travel.

At most twice as wide as it is shown (for sharp screens), never enlarged, turned as the camera held it,
without the camera's notes (place and time are nobody's business). Photographs become JPEG; pictures with
few colours or transparency stay PNG. Mail programs show no WebP, AVIF or SVG reliably. What is fit to
travel already is not touched: an animated GIF, a plain JPEG, a small plain PNG.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from PIL import Image as Pillow
from PIL import ImageOps

from newsletter.compose.kept import Kept

__all__ = ["Encoded", "encode"]

_JPEG_QUALITY: Final = 82
_PALETTE: Final = 256  #: more colours than this make a photograph
_SMALL_PNG: Final = 64 * 1024  #: bytes; packing a larger one again is worth the time
#: The chunks that draw the picture (PNG, 3rd edition, section 11). Others are notes, text and profiles.
_DRAWN: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"bKGD", b"pHYs"}
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture ready to travel. kind: its content type; pixels: width and height; digest: SHA-256, hex."""

    data: bytes = field(repr=False)
    kind: str
    pixels: tuple[int, int]
    digest: str


#: By the digest of the original and the most it may be wide.
_READY: Final = Kept[tuple[bytes, int], Encoded](64 * 1024 * 1024, weight=lambda made: len(made.data) + 1000)


def encode(data: bytes, most: int) -> Encoded:
    """Return a picture ready to travel, at most ``most`` pixels wide.

    Raises what Pillow raises for what it cannot read, or will not because of its size.
    """
    return _READY.get((hashlib.sha256(data).digest(), most), lambda: _encoded(data, most))


def _encoded(data: bytes, most: int) -> Encoded:
    made, kind, pixels = _made(data, most)
    return Encoded(made, kind, pixels, hashlib.sha256(made).hexdigest())


def _made(data: bytes, most: int) -> tuple[bytes, str, tuple[int, int]]:
    with Pillow.open(io.BytesIO(data)) as opened:
        if opened.format == "GIF" and getattr(opened, "is_animated", False):
            return data, "image/gif", opened.size  # resizing would have to redo every frame
        plain = opened.format == "JPEG" and opened.mode in {"RGB", "L"} and not opened.getexif()
        if plain and opened.width <= most:
            opened.load()  # refuses a truncated file
            return data, "image/jpeg", opened.size
        if opened.format == "PNG" and opened.width <= most and _is_small_drawing(opened, data):
            opened.load()
            return data, "image/png", opened.size
        icc = opened.info.get("icc_profile")
        from_jpeg = opened.format == "JPEG"
        turned = ImageOps.exif_transpose(opened)
        transparent = turned.has_transparency_data
        picture = turned.convert("RGBA" if transparent else "RGB")
        if opened.mode == "CMYK":
            icc = None  # it describes inks
    few_colours = not from_jpeg and picture.getcolors(_PALETTE) is not None
    if picture.width > most:
        size = (most, max(1, round(picture.height * most / picture.width)))
        picture = picture.resize(size, Pillow.Resampling.LANCZOS)
    written = io.BytesIO()
    if transparent and picture.getchannel("A").getextrema() == (255, 255):
        transparent, picture = False, picture.convert("RGB")
    if transparent or few_colours:
        if not transparent and picture.getcolors(_PALETTE) is not None:
            picture = picture.quantize(_PALETTE)
        picture.save(written, "PNG", optimize=True)
        return written.getvalue(), "image/png", picture.size
    extra = {"icc_profile": icc} if icc else {}
    picture.save(written, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True, **extra)
    return written.getvalue(), "image/jpeg", picture.size


def _is_small_drawing(opened: Pillow.Image, data: bytes) -> bool:
    """Say whether a PNG has a palette, greys or transparency, is small, and holds nothing but the picture."""
    drawing = opened.mode in {"L", "LA", "P"} or opened.has_transparency_data
    chunks = list(_chunks(data)) if drawing and len(data) <= _SMALL_PNG else []
    return bool(chunks) and _DRAWN.issuperset(chunks) and chunks[-1] == b"IEND"


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield the types of a PNG's chunks; what follows the last one counts as a chunk too."""
    position = 8  # after the signature
    while position < len(data):
        yield data[position + 4 : position + 8]
        position += 12 + int.from_bytes(data[position : position + 4], "big")  # length, type, data, checksum
