"""A reply is plain text with links at most, whatever somebody sends."""

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml.html import fragment_fromstring

from newsletter.archive.remarks import as_html, links_in, plain

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    'http://a.example/"onmouseover=alert(1)//',
    "javascript:alert(1) data:text/html,x",
    "https://a.example/<script>",
    "[url=http://b.example]x[/url] <a href='https://c.example'>y</a>",
    "http://[::1 http://\u202egro.elpmaxe",
    "</p></div><style>*{display:none}</style>",
    "&lt;script&gt; &#60;script&#62; &amp;",
)

PARTS = (*HOSTILE, "http://", "\n", "<", "'", '"', ")", "é", "\x00", "&")


def check(text: str) -> None:
    root = fragment_fromstring(as_html(plain(text)), create_parent="div")
    assert {element.tag for element in root.iter()} <= {"div", "p", "br", "a"}
    for element in root.iter("p", "br"):
        assert not element.attrib
    for link in root.iter("a"):
        assert set(link.attrib) == {"href", "rel"}
        assert link.get("rel") == "nofollow ugc noopener"
        assert link.get("href", "").lower().startswith(("http://", "https://"))


def test_hostile_text_stays_text() -> None:
    for text in HOSTILE:
        check(text)
    check(" ".join(HOSTILE))
    assert as_html("<b>x</b>") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
def test_any_mixture_of_it_stays_text(text: str) -> None:
    check(text)


def test_what_ends_a_sentence_is_not_part_of_a_link() -> None:
    assert 'href="https://a.example/b"' in as_html("(see https://a.example/b).")
    assert 'href="https://a.example/?q=1&amp;r=2"' in as_html("https://a.example/?q=1&r=2!")


def test_what_nobody_can_see_is_gone() -> None:
    assert plain("a\u202eb\u2066c\u200bd\x07e\ufeff") == "abcde"
    assert plain("Z" + "\u0301" * 50) == "Ź" + "\u0301" * 3
    assert plain("line\r\n\r\n\r\n\r\nline \t\n") == "line\n\nline"
    assert plain("\u06a9\u200c\u0627 👩\u200d🎤") == "\u06a9\u200c\u0627 👩\u200d🎤"


def test_a_thousand_links_are_counted_in_every_spelling() -> None:
    assert links_in("https://a.example/ " * 1000) == 1000
    assert links_in("HTTP://a.example www.b.example [url=c]") == 3
    assert links_in("I like http but not that much") == 0
