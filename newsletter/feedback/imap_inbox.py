"""Unsubscribe mails in an IMAP mailbox, over TLS with a verified certificate.

Decisions. How far it has been read is a bookmark in our database (UIDVALIDITY and the highest UID). Keywords
on the mails, the other way, are not kept by every server, and would stay when the database is restored. The
first time, only unread mail is looked at; from then on all that arrives, also what a telephone has opened
before us. What was understood is marked as read, everything else is left exactly as it is. Only the beginning
of a mail is fetched, whatever its size.
Source: RFC 3501, sections 2.3.1.1 (UIDs), 6.4.5 (FETCH, partial) and 6.4.8 (UID).
"""

import hashlib
import imaplib
import re
import ssl
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from imap_tools import MailBox
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

from newsletter.errors import ConfigError, SendError
from newsletter.feedback.mail_sources import Arrived
from newsletter.feedback.wishes import LONGEST
from newsletter.settings import Inbox

__all__ = ["ImapInbox"]

_AT_ONCE: Final = 20  # mails in memory
_TIMEOUT: Final = 60.0  # seconds, for the connection and for each answer
_PARTS: Final = f"(UID INTERNALDATE BODY.PEEK[]<0.{LONGEST}>)"


class ImapInbox:
    """One folder of an IMAP mailbox. For one reader at a time, in one thread."""

    def __init__(self, inbox: Inbox, env: Mapping[str, str]) -> None:
        """Raises ConfigError if the password or the file of a private authority is missing."""
        self._inbox = inbox
        self._password = env.get("NEWSLETTER_IMAP_PASSWORD", "").strip("\r\n")
        if not self._password:
            raise ConfigError(
                "The password of the unsubscribe mailbox is missing.",
                hint="Set the variable NEWSLETTER_IMAP_PASSWORD; many providers want an app password.",
            )
        self._tls = _tls(env.get("NEWSLETTER_IMAP_CA_FILE", ""))
        self._server = f"{inbox.host}:{inbox.port}"
        where = f"{self._server}/{inbox.user}/{inbox.folder}"
        self.name = f"inbox:{hashlib.sha256(where.encode()).hexdigest()[:16]}"
        self.place = ""
        self._box: MailBox | None = None

    def messages(self, after: str = "") -> Generator[Arrived]:
        """Yield what has arrived behind the bookmark; the first time, what nobody has read."""
        with self._explained():
            self._box = box = self._enter()
            try:
                validity, end = _number(box, "UIDVALIDITY"), _number(box, "UIDNEXT") - 1
                known, _, last = after.partition(":")
                begun = int(last) if known == str(validity) and last.isdigit() else None
                self.place = "" if begun is None else after
                for uid, arrived in _fetched(box, _uids(box, begun)):
                    yield arrived
                    end = max(end, uid)
                    if begun is not None:  # the first time is over when all of it is
                        self.place = f"{validity}:{uid}"
                self.place = f"{validity}:{max(end, begun or 0)}"
            finally:
                self._box = None
                _leave(box)

    def done(self, arrived: Arrived, understood: bool) -> None:
        """Mark a mail as read if it was understood."""
        if understood and self._box is not None:
            with self._explained():
                self._box.client.uid("STORE", arrived.id, "+FLAGS.SILENT", r"(\Seen)")

    def _enter(self) -> MailBox:
        box = MailBox(self._inbox.host, self._inbox.port, timeout=_TIMEOUT, ssl_context=self._tls)
        try:
            self._log_in(box)
            box.folder.set(self._inbox.folder)
        except BaseException:
            _leave(box)
            raise
        return box

    def _log_in(self, box: MailBox) -> None:
        plain = self._inbox.user.isascii() and self._password.isascii()
        try:
            (box.login if plain else box.login_utf8)(self._inbox.user, self._password, None)
        except imaplib.IMAP4.abort:  # the line, not the login
            raise
        except (imaplib.IMAP4.error, MailboxLoginError) as error:
            raise ConfigError(
                f"The mail server {self._server} refuses the login.",
                hint="Check [inbox] user and NEWSLETTER_IMAP_PASSWORD; many providers want an app password.",
            ) from error

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in plain words what is wrong with the mailbox or the way there."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise ConfigError(
                f"The certificate of the mail server {self._server} is not trusted: {error.verify_message}.",
                hint="Check [inbox] host; name a private authority's certificate in NEWSLETTER_IMAP_CA_FILE.",
            ) from error
        except ssl.SSLError as error:
            raise ConfigError(
                f"The mail server {self._server} does not answer over TLS: {error.reason or error}.",
                hint="Check [inbox] port: IMAP over TLS is at 993. Without TLS no password is sent.",
            ) from error
        except MailboxFolderSelectError as error:
            raise ConfigError(
                f"The mailbox has no folder {self._inbox.folder!r}.", hint="Check [inbox] folder."
            ) from error
        except imaplib.IMAP4.readonly as error:
            raise ConfigError(
                f"The folder {self._inbox.folder!r} may only be read, so that nothing can be marked.",
                hint="Give [inbox] user the right to change it, or name another folder.",
            ) from error
        except OSError as error:
            raise SendError(
                f"The mail server {self._server} cannot be reached: {error.strerror or error}.",
                hint="Check [inbox] host and port, and the network. Nothing was lost: run it again.",
            ) from error
        except (imaplib.IMAP4.error, ImapToolsError) as error:
            raise SendError(
                f"The mail server {self._server} broke off.", hint="Nothing was lost: run it again."
            ) from error


def _tls(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority or None)
    except OSError as error:  # also what is no certificate
        raise ConfigError(
            f"NEWSLETTER_IMAP_CA_FILE cannot be used: {authority}: {error.strerror or error}.",
            hint="Name a file with the certificate of your authority, in PEM form.",
        ) from error


def _leave(box: MailBox) -> None:
    with suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
        box.logout()
    with suppress(OSError):
        box.client.shutdown()


def _number(box: MailBox, name: str) -> int:
    """Return what the server said when the folder was opened, 0 if it did not."""
    said = box.client.response(name)[1][-1]
    return int(said) if isinstance(said, bytes) and said.isdigit() else 0


def _uids(box: MailBox, begun: int | None) -> list[int]:
    if begun is None:
        return sorted(map(int, box.uids("UNSEEN UNDELETED", None)))
    found = map(int, box.uids(f"UID {begun + 1}:* UNDELETED", None))
    return sorted(uid for uid in found if uid > begun)  # "*" is the last mail, even one before that


def _fetched(box: MailBox, uids: Sequence[int]) -> Iterator[tuple[int, Arrived]]:
    """Yield the mails that are still there, a few in memory at a time."""
    for start in range(0, len(uids), _AT_ONCE):
        wanted = ",".join(map(str, uids[start : start + _AT_ONCE]))
        status, answer = box.client.uid("FETCH", wanted, _PARTS)
        if status != "OK":
            raise imaplib.IMAP4.error("FETCH was refused")
        yield from sorted(_mails(answer), key=lambda found: found[0])


def _mails(answer: Sequence[Any]) -> Iterator[tuple[int, Arrived]]:
    """Yield the mails of an answer: words, the mail, and perhaps more words, for each."""
    for item, behind in zip(answer, [*answer[1:], b""], strict=True):
        if not isinstance(item, tuple):
            continue
        words = item[0] + (behind if isinstance(behind, bytes) else b"")
        uid = re.search(rb"\bUID (\d+)", words)
        if uid:
            yield int(uid[1]), Arrived(id=uid[1].decode(), raw=item[1], at=_arrived_at(words))


def _arrived_at(words: bytes) -> datetime:
    """Return when the server took the mail; the end of time if it does not say: never out of date."""
    said = re.search(rb'INTERNALDATE "([^"]+)"', words)
    try:
        at = parsedate_to_datetime(said[1].decode()) if said else None
    except ValueError:
        at = None
    return at if at is not None and at.tzinfo else datetime.max.replace(tzinfo=UTC)
