"""The sent issues, as the archive shows them: read from the ledger once, and again when it has changed."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from newsletter.archive.entries import Entry, make_entry
from newsletter.archive.imprint import Imprint
from newsletter.archive.remarks import Remark, remark
from newsletter.archive.site import Site
from newsletter.archive.sizes import SMALLER_TYPE, smaller
from newsletter.model import CompiledIssue, Image
from newsletter.store import campaigns, replies
from newsletter.store.engine import reading
from newsletter.store.sent import SentIssue, sent_issues

__all__ = ["Shelf"]


class Shelf:
    """The archive of one newsletter. Safe to share by threads."""

    def __init__(self, imprint: Imprint, engine: Engine) -> None:
        self.imprint, self._engine = imprint, engine
        self._entries: dict[SentIssue, Entry | None] = {}
        self._site: tuple[tuple[Any, ...], Site] | None = None
        self._lock = threading.Lock()

    def live(self) -> Site:
        """Return the site as it is now, with reply forms."""
        with self._lock, reading(self._engine) as connection:
            sent = sent_issues(connection)
            key = (tuple(sent), replies.state_of_approved(connection))
            if self._site is None or self._site[0] != key:
                made = Site(self.imprint, self._read(connection, sent), _remarks(connection), live=True)
                self._site = (key, made)
            return self._site[1]

    def published(self, about_to_go: CompiledIssue | None = None, now: datetime | None = None) -> Site:
        """Return the site for a folder or a bucket.

        about_to_go, now: an issue whose send begins at this instant: its page is there before its mail.
        """
        with self._lock, reading(self._engine) as connection:
            sent = sent_issues(connection)
            entries = self._read(connection, sent)
            if about_to_go is not None and now is not None:
                slug = about_to_go.slug
                first = next((issue.first_at for issue in sent if issue.slug == slug), now)
                made = make_entry(about_to_go, published=first, updated=now, base=self.imprint.base)
                entries = [entry for entry in entries if entry.slug != slug] + ([made] if made else [])
                entries.sort(key=lambda entry: (entry.published, entry.slug))
            return Site(self.imprint, entries, _remarks(connection))

    def images(self, slug: str) -> Sequence[Image]:
        """Return the pictures of an issue that was sent, with their bytes; none if there is no such issue."""
        with reading(self._engine) as connection:
            for issue in sent_issues(connection):
                if issue.slug == slug:
                    return campaigns.frozen_issue(connection, issue.campaign).images
        return []

    def picture(self, name: str, *, small: bool) -> tuple[str, bytes] | None:
        """Return the type and the bytes of an issue's picture, or of its smaller one; None if there is none.

        From the ledger: so pages have their pictures wherever these were published, and if they were not.
        """
        for entry in self.live().entries:
            for picture in entry.pictures:
                if name == (picture.small if small else picture.name):
                    for image in self.images(entry.slug):
                        if image.name == picture.name:
                            return (
                                (SMALLER_TYPE, smaller(image)) if small else (image.content_type, image.data)
                            )
        return None

    def _read(self, connection: Connection, sent: Sequence[SentIssue]) -> list[Entry]:
        """Return the entries of the public ones, in the same order."""
        known = {
            issue: self._entries[issue] if issue in self._entries else self._make(connection, issue)
            for issue in sent
        }
        self._entries = known
        return [entry for entry in known.values() if entry is not None]

    def _make(self, connection: Connection, sent: SentIssue) -> Entry | None:
        issue = campaigns.frozen_issue(connection, sent.campaign)
        return make_entry(issue, published=sent.first_at, updated=sent.at, base=self.imprint.base)


def _remarks(connection: Connection) -> Mapping[str, Sequence[Remark]]:
    return {slug: [remark(reply) for reply in found] for slug, found in replies.approved(connection).items()}
