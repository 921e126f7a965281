"""Links that cannot work in a mail; the unsubscribe link."""

import pytest

from newsletter.model import Level
from tests.checks.drafts import GOOD, Table, change


@pytest.mark.parametrize(
    ("address", "check"),
    [
        ("#", "link-empty"),
        ("", "link-empty"),
        ("/booking", "link-relative"),
        ("www.example.org/page", "link-relative"),
        ("ada@example.org", "link-relative"),
        ("../2026-11.md", "link-relative"),
        ("htps://example.org", "link-scheme"),
        ("ftp://example.org/a.zip", "link-scheme"),
        ("https:///page", "link-scheme"),
        ("http://localhost/draft", "link-scheme"),
        ("mailto:ada", "link-scheme"),
        ("#no-such-section", "link-anchor"),
    ],
)
def test_a_link_that_leads_nowhere_is_found_at_its_line(table: Table, address: str, check: str) -> None:
    assert table.found(change("(https://example.org/)", f"({address})")) == [(check, "8")]


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/?a=1&b=%20#part",
        "HTTP://EXAMPLE.ORG",
        "https://müller.example/straße",
        "mailto:ada@example.org?subject=Hello%20there",
        "tel:+19025550142",
        "#a-section",
        "https://example.org/?who={{ subscriber.email }}",
    ],
)
def test_a_link_that_works_is_not_found(table: Table, address: str) -> None:
    assert table.found(change("(https://example.org/)", f"({address})")) == []


def test_the_whole_address_is_proposed(table: Table) -> None:
    found = table.one(change("(https://example.org/)", "(www.example.org/a)"), "link-relative")
    assert found.mend == "Write the whole address: https://www.example.org/a"


def test_a_link_is_found_at_its_own_line_not_at_that_of_a_longer_address(table: Table) -> None:
    text = change("a link](https://example.org/)", "one](https://example.org/a/) [two](ftp://example.org/a)")
    assert table.found(text.replace("[two]", "\n[two]")) == [("link-scheme", "9")]


def test_a_link_around_a_picture_without_words_is_found(table: Table) -> None:
    text = change(
        "![Two chairs and a guitar](images/two-chairs.png)", "[![](images/mara.png)](https://example.org/m)"
    )
    assert ("link-without-words", "10") in table.found(text)


def bare(table: Table, html: str, text: str = "{{ issue.text }}\n{{ unsubscribe_url }}") -> str:
    """Return the good issue in a template of its own, which ends with this HTML and this text."""
    layout = f"""
    <mjml><mj-head><mj-raw><meta name="color-scheme" content="light dark" /></mj-raw></mj-head>
    <mj-body><mj-section><mj-column>
      <mj-text><h1>{{{{ issue.title }}}}</h1></mj-text>
      {{% for piece in issue.lead %}}<mj-text>{{{{ piece.html }}}}</mj-text>{{% endfor %}}
      {{% for section in issue.sections %}}<mj-text><h2>{{{{ section.title }}}}</h2></mj-text>
        {{% for piece in section.pieces %}}<mj-text>{{{{ piece.html }}}}</mj-text>{{% endfor %}}
      {{% endfor %}}
      <mj-text>{html}</mj-text>
    </mj-column></mj-section></mj-body></mjml>"""
    table.write("templates/bare/layout.mjml.j2", layout)
    table.write("templates/bare/layout.txt.j2", text)
    own = GOOD.replace("\n![Two chairs and a guitar](images/two-chairs.png)\n", "")
    return change("preheader:", "template: bare\npreheader:", own)


LINK = '<a href="{{ unsubscribe_url }}">Leave</a>'


def test_a_template_that_lets_everybody_leave_is_good(table: Table) -> None:
    assert table.found(bare(table, LINK)) == []


@pytest.mark.parametrize(
    "html",
    [
        f"{{% if subscriber.city %}}{LINK}{{% else %}}Bye. {LINK}{{% endif %}}",
        f"{LINK}{{% if subscriber.city %}}{LINK}{{% endif %}}",
        '<a href="{{ unsubscribe_url }}"><img src="images/mara.png" alt="Unsubscribe" /></a>',
    ],
)
def test_a_link_that_is_there_in_each_branch_is_good(table: Table, html: str) -> None:
    assert table.found(bare(table, html)) == []


CITY = "{% if subscriber.city %}"
PLAIN = "{{ unsubscribe_url }}"


@pytest.mark.parametrize(
    ("html", "text", "check", "part"),
    [
        ("Bye", PLAIN, "missing", "mjml"),
        (LINK, "{{ issue.text }}", "missing", "txt"),
        (f"{CITY}{LINK}{{% endif %}}", PLAIN, "conditional", "mjml"),
        (f"{{% for tag in subscriber.tags %}}{LINK}{{% endfor %}}", PLAIN, "conditional", "mjml"),
        (LINK, f"{CITY}{PLAIN}{{% endif %}}", "conditional", "txt"),
        (LINK, "{{ unsubscribe_url if subscriber.city }}", "conditional", "txt"),
        (LINK, "{{ 'yes' if unsubscribe_url else 'no' }}", "conditional", "txt"),
        ("Leave: {{ unsubscribe_url }}", PLAIN, "no-link", "mjml"),
        (f'<span style="display:none">{LINK}</span>', PLAIN, "no-link", "mjml"),
        ('<a href="{{ unsubscribe_url }}"> </a>', PLAIN, "no-link", "mjml"),
    ],
)
def test_a_template_that_keeps_a_reader_is_an_error(
    table: Table, html: str, text: str, check: str, part: str
) -> None:
    found = table.one(bare(table, html, text), f"unsubscribe-{check}")
    assert (found.level, found.where) == (Level.ERROR, f"templates/bare/layout.{part}.j2")
