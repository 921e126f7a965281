"""Publishing the archive: into the folder, and from there to the bucket, if there is one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from newsletter.archive import bucket as buckets
from newsletter.archive import folder as folders
from newsletter.archive.shelf import Shelf
from newsletter.model import CompiledIssue

__all__ = ["Published", "publish"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What came of it; paths and keys from the root. issues: how many the archive shows.

    written, removed: in the folder. uploaded, deleted: in the bucket.
    """

    issues: int
    files: int
    written: Sequence[str]
    removed: Sequence[str]
    uploaded: Sequence[str] = ()
    deleted: Sequence[str] = ()


def publish(
    shelf: Shelf,
    make_client: Callable[[], Any],
    about_to_go: tuple[CompiledIssue, datetime] | None = None,
    *,
    upload: bool = True,
    dry_run: bool = False,
) -> Published:
    """Bring the folder, and the bucket if there is one, up to date.

    make_client: gives boto3's ``s3`` client. about_to_go: an issue whose send begins at that instant, to be
    published like the others. upload: False for the folder alone. dry_run: change nothing.
    Raises SendError if either cannot be written.
    """
    workspace = shelf.imprint.workspace
    archive = workspace.settings.archive
    folder = workspace.root / archive.output
    issue, now = about_to_go or (None, None)
    site = shelf.published(issue, now)
    built = folders.build(shelf, site, folder, about_to_go=issue, dry_run=dry_run)
    sent = buckets.Sent(uploaded=(), removed=())
    if archive.s3_bucket and upload:
        sent = buckets.publish(built, folder, archive.s3_bucket, make_client, dry_run=dry_run)
    return Published(
        issues=len(site.entries),
        files=len(built.files) + len(built.pictures),
        written=built.written,
        removed=built.removed,
        uploaded=sent.uploaded,
        deleted=sent.removed,
    )
