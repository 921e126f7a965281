"""The archive in a folder: only what has changed is written, and only what we made is removed.

The folder is what stands at public_url. A list of what we made (``.archive.json``) lies in it, with a hash of
each file: so a file of the owner's is told from a page that no issue has any more.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newsletter.archive.entries import Entry
from newsletter.archive.pictures import publish_to_folder
from newsletter.archive.shelf import Shelf
from newsletter.archive.site import Site
from newsletter.archive.sizes import SMALLER_TYPE, Picture, smaller
from newsletter.errors import SendError
from newsletter.model import CompiledIssue, Image

__all__ = ["Built", "Made", "build", "digest"]

_LIST: Final = ".archive.json"
_THEIRS: Final = "robots.txt"  #: an owner may have one of her own


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What a file of the site is: its type, its Cache-Control, and the SHA-256 of its bytes."""

    content_type: str
    cache: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What building came to; paths from the folder. files: all of the site, in the order to publish them.

    pictures: those of the issues, with their types. written, removed: what changed in the folder.
    """

    files: Mapping[str, Made]
    pictures: Mapping[str, str]
    written: Sequence[str]
    removed: Sequence[str]


def build(
    shelf: Shelf, site: Site, folder: Path, *, about_to_go: CompiledIssue | None = None, dry_run: bool = False
) -> Built:
    """Bring the folder up to date with the site. about_to_go: an issue of it that is not in the ledger yet.

    Raises SendError if the folder cannot be written. dry_run: change nothing.
    """
    try:
        return _build(shelf, site, folder, about_to_go, dry_run)
    except OSError as error:
        raise SendError(
            f"The archive cannot be written: {error.filename or folder}: {error.strerror}.",
            hint="Check [archive] output, its permissions and the free space.",
        ) from error


def _build(shelf: Shelf, site: Site, folder: Path, about_to_go: CompiledIssue | None, dry_run: bool) -> Built:
    before = _read_list(folder)
    pictures, written = _pictures(shelf, site, folder, about_to_go, dry_run)
    files: dict[str, Made] = {}
    for path in site.names():
        file = site.file(path)
        assert file is not None  # noqa: S101 (its own name)
        there = _there(folder / path)
        if path == _THEIRS and there is not None and path not in before:
            continue
        made = digest(file.data)
        files[path] = Made(content_type=file.content_type, cache=file.cache, digest=made)
        if there != made:
            written.append(path)
            if not dry_run:
                _write(folder / path, file.data)
    gone = [path for path, made in before.items() if path not in files and _there(folder / path) == made]
    if not dry_run:
        for path in gone:
            (folder / path).unlink()
        _write_list(folder, {path: made.digest for path, made in files.items()}, before)
    return Built(files=files, pictures=pictures, written=written, removed=gone)


def _pictures(
    shelf: Shelf, site: Site, folder: Path, about_to_go: CompiledIssue | None, dry_run: bool
) -> tuple[dict[str, str], list[str]]:
    """Write the pictures that are missing; return all paths with their types, and those that were written."""
    paths: dict[str, str] = {}
    written: list[str] = []
    for entry in site.entries:
        for picture in entry.pictures:
            paths |= dict(zip(_paths(picture), (picture.content_type, SMALLER_TYPE), strict=False))
        missing = [path for picture in entry.pictures for path in _missing(picture, folder)]
        written += missing
        if missing and not dry_run:
            going = about_to_go is not None and about_to_go.slug == entry.slug
            images = about_to_go.images if about_to_go is not None and going else shelf.images(entry.slug)
            _write_pictures(entry, images, set(missing), folder)
    return paths, written


def _paths(picture: Picture) -> list[str]:
    small = [f"archive/pictures/{picture.small}"] if picture.small else []
    return [f"images/{picture.name}", *small]


def _missing(picture: Picture, folder: Path) -> list[str]:
    whole, *smaller_ones = _paths(picture)
    gone = [path for path in smaller_ones if not _size(folder / path)]
    return gone if _size(folder / whole) == picture.size else [whole, *gone]


def _write_pictures(entry: Entry, images: Sequence[Image], paths: Set[str], folder: Path) -> None:
    """Write those of an issue's pictures that are among the paths."""
    by_name = {image.name: image for image in images}
    for picture in entry.pictures:
        whole, *smaller_ones = _paths(picture)
        if whole in paths:
            publish_to_folder([by_name[picture.name]], folder / "images")
        for path in smaller_ones:
            if path in paths:
                _write(folder / path, smaller(by_name[picture.name]))


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def _there(path: Path) -> str | None:
    try:
        return digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _write(path: Path, data: bytes) -> None:
    """Write a file so that whoever reads it sees the old or the new one, and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.write_bytes(data)
    beside.replace(path)


def _read_list(folder: Path) -> Mapping[str, str]:
    try:
        found = json.loads((folder / _LIST).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return (
        {
            path: made
            for path, made in found.items()
            # an owner may have edited the list: nothing outside of the folder is ever removed
            if isinstance(made, str) and (path == _THEIRS or path.startswith("archive/")) and ".." not in path
        }
        if isinstance(found, dict)
        else {}
    )


def _write_list(folder: Path, made: Mapping[str, str], before: Mapping[str, str]) -> None:
    if made != before:
        _write(folder / _LIST, (json.dumps(made, indent=1, sort_keys=True) + "\n").encode())
