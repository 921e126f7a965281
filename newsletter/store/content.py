"""How a compiled issue is kept in the database: its JSON, compressed."""

import zlib

from newsletter.model import CompiledIssue

__all__ = ["pack", "unpack"]


def pack(issue: CompiledIssue) -> bytes:
    """Return the issue as bytes; ``unpack`` gives it back with the same hash."""
    return zlib.compress(issue.to_json().encode("utf-8"))


def unpack(content: bytes) -> CompiledIssue:
    """Return the issue that was packed."""
    return CompiledIssue.from_json(zlib.decompress(content).decode("utf-8"))
