"""Reading .eml files for the mailbox viewer: a line for the list, or a whole message.

The files may hold anything, also broken or hostile mail, so nothing here raises for what a file says.
Decision: the list reads only the first kilobytes of a file, and remembers what it read until the file
changes; 10,000 messages are listed and searched in well under a second once they have been read.
"""

import base64
import email.header
import email.policy
import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

__all__ = ["Folder", "Mail", "Summary", "read_headers", "read_mail"]

_HEAD_BYTES = 16_384  #: more than the headers that any sender of ours writes
_SAFE_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """One line of the list. date: as the message says, with its offset; None if it says nothing usable."""

    name: str  #: file name
    size: int  #: bytes
    subject: str
    to: str
    sender: str
    date: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """One message, decoded. headers: in order, unfolded; source: as in the file, for reading."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    html: str | None
    html_size: int  #: bytes of the HTML as sent, without its pictures: Gmail cuts above 102 kB
    text: str | None
    source: str = field(repr=False)
    attachments: tuple[str, ...] = ()


class Folder:
    """The .eml files of one folder, newest first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[tuple[str, int, int], Summary] = {}

    def names(self) -> list[tuple[str, int, int]]:
        """Return (name, size in bytes, mtime in ns) of each message, newest first; [] without a folder."""
        try:
            with os.scandir(self.path) as entries:
                found = [
                    (entry.name, status.st_size, status.st_mtime_ns)
                    for entry in entries
                    if entry.name.endswith(".eml") and entry.is_file(follow_symlinks=False)
                    for status in [entry.stat(follow_symlinks=False)]
                ]
        except FileNotFoundError:
            return []
        return sorted(found, key=lambda entry: (entry[2], entry[0]), reverse=True)

    def summary(self, entry: tuple[str, int, int]) -> Summary:
        """Return the line for one of ``names()``, from memory if the file has not changed."""
        if entry not in self._known:
            try:
                with (self.path / entry[0]).open("rb") as file:
                    head = file.read(_HEAD_BYTES)
            except OSError:  # deleted between listing and reading
                head = b""
            self._known[entry] = _summary(entry[0], entry[1], read_headers(head))
        return self._known[entry]

    def search(self, words: str) -> list[tuple[str, int, int]]:
        """Return the entries whose subject, addresses or name hold every word, in any order and case."""
        wanted = words.casefold().split()
        if not wanted:
            return self.names()
        return [entry for entry in self.names() if self._matches(self.summary(entry), wanted)]

    def find(self, name: str) -> Path | None:
        """Return the file of a message, or None for any name but that of a plain file in the folder."""
        if not name.endswith(".eml") or name != Path(name).name or "\\" in name or "\0" in name:
            return None
        path = self.path / name
        try:
            return path if path.is_file() and not path.is_symlink() else None
        except OSError:  # a name too long for the file system
            return None

    @staticmethod
    def _matches(line: Summary, wanted: list[str]) -> bool:
        text = f"{line.subject}\n{line.to}\n{line.sender}\n{line.name}".casefold()
        return all(word in text for word in wanted)


def read_mail(path: Path) -> Mail:
    """Return the message in a file. Its pictures (cid:) are put into the HTML as data: addresses.

    Raises OSError if the file cannot be read; never for its content.
    """
    data = path.read_bytes()
    headers = read_headers(data)
    message = BytesParser(policy=email.policy.compat32).parsebytes(data)
    html = text = None
    pictures: dict[str, str] = {}
    attachments: list[str] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        attached = part.get_content_disposition() == "attachment"
        if kind == "text/html" and html is None and not attached:
            html = _text(part)
        elif kind == "text/plain" and text is None and not attached:
            text = _text(part)
        else:
            attachments.append(f"{_filename(part) or 'unnamed'} ({kind}, {len(_payload(part)):,} bytes)")
            if kind in _SAFE_PICTURES and part["Content-ID"]:
                encoded = base64.b64encode(_payload(part)).decode("ascii")
                pictures[str(part["Content-ID"]).strip("<> \t\r\n")] = f"data:{kind};base64,{encoded}"
    html_size = len((html or "").encode("utf-8", "replace"))
    if html is not None:
        html = re.sub(r"cid:([^\s\"'<>)]+)", lambda found: pictures.get(found[1], found[0]), html)
    return Mail(
        summary=_summary(path.name, len(data), headers),
        headers=tuple(headers),
        html=html,
        html_size=html_size,
        text=text,
        source=data.decode("utf-8", "replace"),
        attachments=tuple(attachments),
    )


def read_headers(data: bytes) -> list[tuple[str, str]]:
    """Return the header fields, unfolded and decoded, without trusting any of them to be well-formed."""
    block = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    lines = re.sub(r"\r?\n[ \t]+", " ", block.decode("utf-8", "replace")).splitlines()
    return [
        (name, _decoded(value.strip())) for name, colon, value in (x.partition(":") for x in lines) if colon
    ]


def _decoded(value: str) -> str:
    """Return a header value with its RFC 2047 words decoded, or as it is when they are broken."""
    if "=?" not in value:
        return value
    try:
        return str(email.header.make_header(email.header.decode_header(value)))
    except (ValueError, LookupError, UnicodeError):
        return value


def _summary(name: str, size: int, headers: list[tuple[str, str]]) -> Summary:
    first: dict[str, str] = {}
    for key, value in headers:
        first.setdefault(key.strip().lower(), value)
    try:
        date = parsedate_to_datetime(first.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        date = None
    return Summary(
        name=name,
        size=size,
        subject=first.get("subject", "") or "(no subject)",
        to=first.get("to", ""),
        sender=first.get("from", ""),
        date=date,
    )


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    charset = part.get_content_charset() or "utf-8"
    try:
        return _payload(part).decode(charset, "replace")
    except (LookupError, ValueError):  # a charset nobody knows, or a codec that is not for text
        return _payload(part).decode("utf-8", "replace")


def _filename(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except (ValueError, LookupError, UnicodeError):  # a broken RFC 2231 name
        return ""
