"""Signed links: in the message, and in the headers that mail programs act on.

- ``https://PUBLIC_URL/u/TOKEN`` is the link in the text and the one-click address (RFC 8058).
- ``https://PUBLIC_URL/p/TOKEN`` is the page of preferences, ``/c/TOKEN`` confirms a sign-up.
- ``https://PUBLIC_URL/archive/SLUG.html#TOKEN`` is the issue on the web. Browsers send what follows "#" to
  nobody, so the token is in no log, cache or Referer; the page's script hands it on with a reply.
- ``mailto:ADDRESS?subject=unsubscribe%20TOKEN`` works without any web page (RFC 2369), so a newsletter
  can begin with nothing but a mailbox. RFC 8058 wants https: without it there is no one-click header.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from newsletter.errors import ConfigError
from newsletter.senders.wire import split_mailbox, wire_address
from newsletter.settings import Settings
from newsletter.tokens import Tokens

__all__ = ["Links"]

_LONGEST_BASE = 300  # characters before the token; keeps each header value under 900
ONE_CLICK = "List-Unsubscribe=One-Click"  #: RFC 8058, section 3.1


class Links:
    """Makes one campaign's links for any subscriber. Safe to share by threads."""

    def __init__(self, settings: Settings, tokens: Tokens, campaign_key: str, page: str = "") -> None:
        """campaign_key: opaque; part of each token, so that a report can say which issue made people leave.
        page: the file name of the issue's page on the web, "" if it has none.

        Raises ConfigError if public_url or the unsubscribe address cannot stand in a header.
        """
        news = settings.newsletter
        self._tokens, self._campaign = tokens, campaign_key
        self._latest = (-1, "")  # a message needs the same token several times
        self._base = _base(news.public_url) if news.public_url else ""
        self._web = f"{self._base}/u/" if self._base else ""
        self._page = f"{self._base}/archive/{page}" if page and settings.archive_url else ""
        address = split_mailbox(news.unsubscribe_email or news.reply_to or news.from_)[1]
        self._mailto = f"mailto:{quote(wire_address(address), safe='@+')}?subject=unsubscribe%20"
        for key, base in (("public_url", self._web), ("unsubscribe_email", self._mailto)):
            if len(base) > _LONGEST_BASE:
                raise ConfigError(
                    f"[newsletter] {key} is too long for a link in a header: {len(base)} characters.",
                    hint=f"Use one of at most {_LONGEST_BASE - 40} characters.",
                )

    def unsubscribe_url(self, subscriber_id: int) -> str:
        """Return the link for the message: https when there are web pages, else mailto. Always ASCII."""
        return f"{self._web or self._mailto}{self._token(subscriber_id)}"

    def unsubscribe_mailto(self, subscriber_id: int) -> str:
        """Return the link that writes a mail with the token in its subject (RFC 6068)."""
        return f"{self._mailto}{self._token(subscriber_id)}"

    def preferences_url(self, subscriber_id: int) -> str:
        """Return the link to the page of preferences, "" when there are no web pages."""
        token = self._tokens.sign("p", subscriber_id, self._campaign) if self._base else ""
        return f"{self._base}/p/{token}" if token else ""

    def web_view_url(self, subscriber_id: int) -> str:
        """Return the link to the issue's page on the web, "" when there is none."""
        token = self._tokens.sign("w", subscriber_id, self._campaign) if self._page else ""
        return f"{self._page}#{token}" if token else ""

    def confirm_url(self, subscriber_id: int, code: str) -> str:
        """Return the link that confirms one sign-up, "" when there are no web pages. code: the sign-up's."""
        return f"{self._base}/c/{self._tokens.sign('c', subscriber_id, code)}" if self._base else ""

    def headers(self, subscriber_id: int) -> Mapping[str, str]:
        """Return List-Unsubscribe, https first, and with https List-Unsubscribe-Post. Each on one line."""
        token = self._token(subscriber_id)
        if not self._web:
            return {"List-Unsubscribe": f"<{self._mailto}{token}>"}
        headers = {"List-Unsubscribe": f"<{self._web}{token}>, <{self._mailto}{token}>"}
        if self._web.startswith("https:"):
            headers["List-Unsubscribe-Post"] = ONE_CLICK
        return headers

    def _token(self, subscriber_id: int) -> str:
        known, token = self._latest
        if known != subscriber_id:
            token = self._tokens.sign("u", subscriber_id, self._campaign)
            self._latest = (subscriber_id, token)  # one assignment: threads see both or neither
        return token


def _base(url: str) -> str:
    """Return the address in ASCII, without a slash at its end, query or fragment; a path prefix stays."""
    parts = urlsplit(url)
    try:
        host = (parts.hostname or "").encode("ascii").decode()
    except UnicodeEncodeError:
        host = wire_address(f"www@{parts.hostname}").partition("@")[2]
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme.lower(), host + port, quote(parts.path.rstrip("/"), safe="/%~"), "", ""))
