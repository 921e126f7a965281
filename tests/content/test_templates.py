"""The monthly layout suits any brand colour, any language and either direction."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from newsletter.settings import Workspace
from newsletter.settings_file import load_settings

from .conftest import ROOT, Letters

BRANDS = ("#24595c", "#2f5d62", "#000000", "#ffffff", "#ffdd00", "#c0392b", "#7fd1ae", "#888888")


def luminance(color: str) -> float:
    """Return WCAG 2's relative luminance of "#rrggbb"."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return WCAG 2's contrast of two colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def theme(brand: str, direction: str = "ltr") -> Any:
    """Return the names that theme.mjml.j2 gives to the templates."""
    jinja = Environment(
        loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined
    )
    context = {"newsletter": SimpleNamespace(brand_color=brand), "issue": SimpleNamespace(dir=direction)}
    return jinja.get_template("shared/theme.mjml.j2").make_module(context)


@pytest.mark.parametrize("brand", BRANDS)
def test_text_can_be_read_in_both_palettes_whatever_the_brand_colour(brand: str) -> None:
    look = theme(brand)
    pairs = [(look.brand_text, look.brand)]
    for palette, link in ((look.light, look.link), (look.dark, look.link_dark)):
        for background in (palette["page"], palette["card"], palette["panel"]):
            pairs += [
                (palette["ink"], background),
                (palette["muted"], background),
                (palette["accent"], background),
            ]
        pairs += [(link, palette["card"]), (link, palette["panel"])]
    for text, background in pairs:
        assert contrast(str(text), str(background)) >= 4.5, (text, background)


def test_a_right_to_left_issue_is_mirrored(copied: Path) -> None:
    path = copied / "issues" / "2026-11-individual-vs-group.md"
    path.write_text(path.read_text("utf-8").replace("title:", "language: he\ntitle:", 1), "utf-8")
    letters = Letters(Workspace(root=copied, settings=load_settings(copied, {})), path)
    html = letters.html("group")
    assert '<html lang="he" dir="rtl"' in html
    assert "border-right:4px solid" in html.replace(": ", ":")
    assert "border-left:4px" not in html.replace(": ", ":")
    assert "צרו קשר" in html
    assert "צרו קשר" in letters.text()
    assert 'dir="ltr"' in html  # the telephone number


def test_a_newsletter_with_nothing_but_a_name_still_makes_a_whole_letter(copied: Path) -> None:
    (copied / "newsletter.toml").write_text(
        '[newsletter]\nname = "Choir & Friends"\nfrom = "choir@example.org"\nbrand_color = "#ffdd00"\n'
    )
    letters = written(copied, "---\ntitle: Plain & short\n---\n\nHello.\n")
    html, text = letters.html("nameless"), letters.text("nameless")
    assert "Choir &amp; Friends" in html
    assert "&amp;amp;" not in html
    assert "Plain & short" in text
    assert "choir@example.org" in html
    assert "tel:" not in html
    assert "<img" not in html
    assert "Unsubscribe" in html


EVERYTHING = """\
---
title: All
---

Lead [link](https://example.org).

## One

### Third

- a
- b

> said

`code`

| a | b |
|---|---|
| 1 | 2 |

---

::: button
[Go](https://example.org/go)
:::

::: callout Mind
Text
:::

::: quote Ada
Words
:::

::: event Day
when: Monday
where: Here

More
:::

::: columns
Left

---

Right
:::

::: signature Eve
Writer
:::
"""

CONDITIONS = """\
---
title: If
---

Lead.

{% if 'group' in subscriber.tags %}
Lead for groups.
{% endif %}

## Always

Text.

{% if 'group' in subscriber.tags %}
## Groups only

Within.

::: callout Also
inside
:::
{% else %}
## Others

Outside.
{% endif %}

## After

End.
"""


def written(root: Path, source: str) -> Letters:
    """Return the letters of an issue with this source in the workspace at root."""
    path = root / "issues" / "2027-01-test.md"
    path.write_text(source, "utf-8")
    return Letters(Workspace(root=root, settings=load_settings(root, {})), path)


def test_every_kind_of_block_and_every_markdown_element_is_styled(copied: Path) -> None:
    letters = written(copied, EVERYTHING)
    html = letters.html()
    for element in ("p", "h3", "ul", "li", "a", "blockquote", "th", "td", "code"):
        assert re.search(rf"<{element}\b[^>]*\bstyle=[\"']", html), element
    for words in (
        "Go",
        "Mind",
        "Words",
        "Ada",
        "Day",
        "Monday",
        "Here",
        "More",
        "Left",
        "Right",
        "Eve",
        "Writer",
    ):
        assert f">{words}<" in re.sub(r"\s+", "", html), words
        assert words in letters.text(), words
    assert html.count("mj-column-per-50") >= 2


def test_conditions_may_wrap_paragraphs_blocks_and_whole_sections(copied: Path) -> None:
    letters = written(copied, CONDITIONS)
    for part in (letters.html, letters.text):
        for words, group, other in (
            ("Lead for groups.", True, False),
            ("Groups only", True, False),
            ("inside", True, False),
            ("Outside.", False, True),
            ("After", True, True),
        ):
            assert (words in part("group")) is group, words
            assert (words in part("known")) is other, words
    for reader in ("group", "known"):
        html = letters.html(reader)
        assert html.count("<table") == html.count("</table>")
        assert html.count("<!--[if") == html.count("<![endif]-->")
