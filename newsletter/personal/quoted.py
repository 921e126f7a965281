"""Quoted-printable that can be concatenated (RFC 2045, section 6.7).

    literals, encoded once per issue  +  values, encoded per person  =  a legal body in any order

Each piece begins at the start of a line and ends with a hard line end or a soft break, so pieces may
follow one another through any branch or loop. Encoding the whole body anew for each person takes three
times as long.
"""

import binascii
from collections.abc import Callable
from typing import Any, Final

from markupsafe import Markup, escape

from newsletter.personal.fill import FillEnvironment

__all__ = ["QUOTED_HTML", "QUOTED_PLAIN", "QuotedEnvironment", "finish", "quoted"]

_SOFT = "=\r\n"
_LONGEST = 76  # characters on a line, the "=" of a soft break among them


def quoted(text: str) -> str:
    """Return the text as a piece of quoted-printable; "" for nothing. Line ends are hard ones.

    >>> quoted("é = 1\\n"), quoted("Ada")
    ('=C3=A9 =3D 1\\r\\n', 'Ada=\\r\\n')
    """
    if not text:
        return ""
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True).decode("ascii")
    if "\n" in encoded:
        encoded = encoded.replace("\r\n", "\n").replace("\n", "\r\n")
        if encoded.endswith("\r\n"):
            return encoded
    if len(encoded) - encoded.rfind("\n") - 1 >= _LONGEST:  # no room for the "=" of the soft break
        cut = len(encoded) - 4
        equals = encoded.find("=", cut - 2, cut)  # of an "=XX" that must stay whole
        cut = equals if equals >= 0 else cut
        encoded = encoded[:cut] + _SOFT + encoded[cut:]
    return encoded + _SOFT


def finish(body: str) -> str:
    """Return a whole body without the soft break at its end, which continues nothing."""
    return body[:-3] if body.endswith(_SOFT) else body


class QuotedEnvironment(FillEnvironment):
    """Fills a residual straight into quoted-printable; decoded, it equals what FillEnvironment gives."""

    def literal(self, text: str) -> str:
        """Return the issue's own text encoded; done once, when the residual is compiled."""
        return quoted(text)

    def show(self, compute: Callable[[], Any]) -> str:
        """Return a value escaped, if this is html, and encoded."""
        text = super().show(compute)
        if self.autoescape:
            return Markup(quoted(escape(text)))  # noqa: S704 (escaped right here)
        return quoted(text)


QUOTED_HTML: Final = QuotedEnvironment(autoescape=True)
QUOTED_PLAIN: Final = QuotedEnvironment(autoescape=False)
