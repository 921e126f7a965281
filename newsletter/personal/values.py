"""How one person's values look in a message: as text, inside a URL, on a header's line.

Nothing here raises for JSON data, whatever is in it.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined

__all__ = ["as_text", "clean", "default", "one_line", "safe_url", "urlencode"]

_LINE_ENDS = re.compile(r"\r\n?")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_SAFE_SCHEME = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
#: Browsers drop these inside a URL, so that "java\nscript:" is a scheme to them.
_URL_NOISE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text with "\\n" line ends and without control characters and half surrogates.

    >>> clean("Ada\\x00\\r\\nByron")
    'Ada\\nByron'
    """
    if text.isprintable():
        return text
    return _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


def one_line(text: str) -> str:
    """Return the text on one line, as a header wants it (RFC 5322, section 2.2).

    >>> one_line(" Hello\\r\\nBcc: eve@example.org ")
    'Hello Bcc: eve@example.org'
    """
    return clean(" ".join(text.split()))


def as_text(value: Any) -> str:
    """Return a value as a reader should see it: nothing for None, a list with commas. Markup stays Markup."""
    if isinstance(value, str):
        return value
    if _missing(value):
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{as_text(key)}: {as_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(as_text(item) for item in value)
    return str(value)


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """Return default_value for what is missing, None or blank (with boolean: for all that is false)."""
    if _missing(value) or (isinstance(value, str) and not value.strip()) or (boolean and not value):
        return default_value
    return value


def _missing(value: Any) -> bool:
    """Say whether there is nothing to show. A method counts: ``subscriber.items`` without such a field."""
    return value is None or isinstance(value, Undefined) or callable(value)


def safe_url(value: Any) -> str:
    """Return the address if it is http, https, mailto or tel, else "#". Not yet escaped for HTML.

    >>> safe_url("https://example.org/?a=1&b=2"), safe_url("java\\tscript:alert(1)")
    ('https://example.org/?a=1&b=2', '#')
    """
    url = _URL_NOISE.sub("", str(as_text(value))).strip()
    return url if _SAFE_SCHEME.match(url) else "#"


def urlencode(value: Any) -> str:
    """Return the value percent-encoded for use inside a URL; a mapping as a query string.

    >>> urlencode("Ada & Bob"), urlencode({"a": "1 2"})
    ('Ada%20%26%20Bob', 'a=1%202')
    """
    if isinstance(value, Mapping):
        return "&".join(f"{urlencode(key)}={urlencode(item)}" for key, item in value.items())
    return quote(clean(str(as_text(value))))
