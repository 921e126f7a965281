"""The text part: from the Markdown, readable as it is."""

from newsletter.compose.markdown import Markdown
from newsletter.compose.plain_text import PlainText
from newsletter.compose.slots import Slots


def text_of(source: str) -> str:
    """Return the text of some Markdown."""
    slots = Slots("0123456789")
    return PlainText(slots).write(Markdown(slots, "en").parse(source))


def test_links_are_numbered_and_listed_below_the_passage() -> None:
    assert text_of("See [the map](https://example.org/a) and [it](https://example.org/b).\n\nMore") == (
        "See the map [1] and it [2].\n\nMore\n\n[1] https://example.org/a\n[2] https://example.org/b"
    )


def test_a_link_that_shows_its_address_is_not_listed_again() -> None:
    assert text_of("<https://example.org/> or <ada@example.org>") == "https://example.org/ or ada@example.org"


def test_headings_lists_quotations_and_emphasis() -> None:
    source = (
        "### Small\n\n- one\n- *two*\n  1. deep\n\n3. three\n"
        "4. four\n\n> quoted\n> text\n\n---\n\n`code` ~~gone~~"
    )
    assert text_of(source) == (
        "Small\n-----\n\n* one\n* two\n  1. deep\n\n3. three\n4. four\n\n> quoted text\n\n"
        + "* * *".center(72).rstrip()
        + "\n\ncode gone"
    )


def test_loose_lists_keep_their_empty_lines() -> None:
    assert text_of("- one\n\n  more\n\n- two") == "* one\n\n  more\n\n* two"


def test_pictures_are_their_descriptions_and_decoration_is_nothing() -> None:
    assert text_of('![A drum](x.png "c") and ![](y.png)!') == "[A drum] and !"


def test_lines_are_wrapped_at_72_but_addresses_never() -> None:
    address = "https://example.org/" + "a" * 90
    lines = text_of(f"{'word ' * 40}<{address}> {'more ' * 5}").split("\n")
    assert address in lines
    assert all(len(line) <= 72 for line in lines if line != address)
    assert max(len(line) for line in lines if line != address) > 66


def test_owners_line_breaks_are_kept() -> None:
    assert text_of("one\\\ntwo<br>three\nfour") == "one\ntwo\nthree four"


def test_blocks() -> None:
    assert text_of("::: button\n[Book](https://example.org/b)\n:::") == "Book: https://example.org/b"
    assert text_of("::: callout Mind\nText\n:::") == "Mind\n----\n\nText"
    assert text_of("::: quote Ada\nText\n:::") == "> Text\n> — Ada"
    assert (
        text_of("::: event Day\nWhen: Friday\nWhere: here\n\nCome\n:::")
        == "Day\n---\n\nWhen: Friday\nWhere: here\n\nCome"
    )
    assert text_of("::: columns\nA\n\n---\n\nB\n:::") == "A\n\nB"
    assert text_of("::: signature Ada\nTherapist\n:::") == "Ada\nTherapist"


def test_tables_and_html_and_code() -> None:
    assert text_of("|a|b|\n|-|-|\n|1|2|") == "a | b\n1 | 2"
    assert text_of("<div>one<br>two <b>three</b></div>") == "one\ntwo three"
    assert text_of("```\nx  <y>\n```") == "    x  <y>"
