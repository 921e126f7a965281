"""Compiled issues, people and settings to fill, without compose."""

from datetime import UTC, datetime
from typing import Any

from newsletter.model import CompiledIssue, Image, Person, Residual
from newsletter.personal.links import Links
from newsletter.settings import Newsletter, Settings
from newsletter.tokens import Tokens

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKENS = Tokens(["a secret of at least 32 characters"])
TAGS = {"campaign": "k3xw9q", "delivery": "42", "attempt": "1"}

ADA = Person(id=1, email="ada@example.org", name="Ada Byron", tags=["group"])
NOBODY = Person(id=2, email="ben@example.org")
HOSTILE = Person(
    id=3,
    email="eve@example.org",
    name='<script>alert("é\r\nBcc: x@example.org")</script>\x00\ud800 {{s}} \\ = . ',
    attributes={
        "first_name": ["<b>", {"a": [1, None]}],
        "age": "no number",
        "website": "java\nscript:alert(1)",
        "city": None,
        "pairs": [1, "ab", [1, 2], [1, 2, 3]],
        "items": {"x": "{{h0}}"},
    },
    tags=["group", "{{", "\u2028"],
)
LONG = Person(
    id=4, email="zoe@example.org", name="=é😀 " * 60 + ".\r\n.\n from here ", attributes={"age": 44}
)
CAST = [ADA, NOBODY, HOSTILE, LONG]


def value(expression: str) -> str:
    """Return an expression as compose leaves it."""
    return f"\ue000{{ {expression} }}\ue000"


def block(statement: str) -> str:
    """Return a statement as compose leaves it."""
    return f"\ue001{{ {statement} }}\ue001"


#: Every kind of node, braces and backslashes next to each, and lines far over 998 characters.
HTML = (
    "<style>@media (max-width:9px){.a{color:#fff}}{{7*7}}</style><p>Hello "
    + value("subscriber.first_name | default('friend')")
    + "}, {"
    + value("subscriber.age")
    + "\\"
    + value("subscriber.name")
    + block("if 'group' in subscriber.tags")
    + "{{group}} \\{{x}} Größe = 1\n"
    + block("for tag in subscriber.tags")
    + value("loop.index")
    + ":"
    + value("tag")
    + block("endfor")
    + block("elif subscriber.age > 3")
    + "old"
    + block("else")
    + "all"
    + block("endif")
    + "x" * 2000
    + "  \n\n.\nFrom here é"
    + "<a href='"
    + value("unsubscribe_url")
    + "'>leave</a> C:\\\\dir\\ {} }} {{{ "
    + value("c1.html")
    + value("subscriber.website | safe_url")
    + "\\"
)
TEXT = (
    "Hello "
    + value("subscriber.first_name | default('friend')")
    + ",\n\n"
    + block("if subscriber.name")
    + "Dear {{ "
    + value("subscriber.name")
    + "\n"
    + block("endif")
    + "Leave: "
    + value("unsubscribe_url")
    + "\n"
)
SUBJECT = value("subscriber.first_name | default('Friend')") + ", a word"
PICTURE = Image(
    name="hero.png", cid="hero.1@example.org", content_type="image/png", data=bytes(range(256)) * 3
)


def compiled(html: str = HTML, text: str = TEXT, subject: str = SUBJECT, **more: Any) -> CompiledIssue:
    """Return a compiled issue of these residuals."""
    plain = {
        "slug": "2026-11-individual-vs-group",
        "title": "Individual vs. group",
        "language": "en",
        "subject": Residual(source=subject),
        "html": Residual(source=html, constants={"c1": {"html": "<i>&"}}),
        "text": Residual(source=text),
    }
    return CompiledIssue(**{**plain, **more})


def settings(**news: Any) -> Settings:
    """Return settings of a newsletter with web pages."""
    plain = {
        "name": "Ignite Music Therapy",
        "from_": "Ignite Music Therapy <hello@example.org>",
        "reply_to": "answers@example.org",
        "unsubscribe_email": "leave@example.org",
        "public_url": "https://news.example.org",
    }
    return Settings(newsletter=Newsletter(**{**plain, **news}))


def links(**news: Any) -> Links:
    """Return the links of one campaign."""
    return Links(settings(**news), TOKENS, "k3xw9q")
