"""The templates suit any brand colours, any language and either direction, and show every block."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lxml import html as lxml_html
from PIL import Image

from .conftest import ROOT, TEMPLATES, Letters, in_template

JINJA = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined)
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


def theme(palette: str, brand: str, second: str) -> Any:
    """Return the names that theme.mjml.j2 gives to the templates."""
    context = {
        "newsletter": SimpleNamespace(brand_color=brand, accent_color=second),
        "issue": SimpleNamespace(dir="ltr"),
        "look": {"palette": palette, "body": "sans", "display": "serif", "edge": 40},
    }
    return JINJA.get_template("shared/theme.mjml.j2").make_module(context)


@pytest.mark.parametrize("palette", ["cream", "paper", "tinted"])
@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("second", ["", "#b04a2b", "#ffee99", "#101010"])
def test_text_can_be_read_in_both_palettes_whatever_the_brand_colours(
    palette: str, brand: str, second: str
) -> None:
    look = theme(palette, brand, second)
    pairs = [(look.brand_text, look.brand), (look.fill_text, look.fill), (look.link, look.light["card"])]
    for colors, link, accent in (
        (look.light, look.link, look.accent),
        (look.dark, look.link_dark, look.accent_dark),
    ):
        for background in (colors["page"], colors["card"], colors["panel"]):
            pairs += [(text, background) for text in (colors["ink"], colors["muted"], link, accent)]
    for text, background in pairs:
        assert contrast(str(text), str(background)) >= 4.5, (text, background)


def test_every_palette_that_a_layout_asks_for_is_tested_above() -> None:
    layouts = [path.read_text("utf-8") for path in (ROOT / "templates").glob("*/layout.mjml.j2")]
    assert len(layouts) == 3
    asked = [re.findall(r'"palette": "(\w+)"', layout) for layout in layouts]
    assert sorted(asked) == [["cream"], ["paper"], ["tinted"]]


@pytest.mark.parametrize("template", TEMPLATES)
def test_brand_colours_and_logo_come_from_the_settings(copied: Path, template: str) -> None:
    settings = (copied / "newsletter.toml").read_text("utf-8")
    settings = settings.replace("#24595c", "#5b2a86").replace("#b04a2b", "#0a7d55")
    (copied / "newsletter.toml").write_text(settings, "utf-8")
    letters = written(copied, EVERYTHING, template)
    html = letters.html()
    assert "#5b2a86" in html
    assert "#0a7d55" in html
    assert "#24595c" not in html
    assert "#b04a2b" not in html
    assert [image.name[:5] for image in letters.issue.images] == ["logo-"]
    assert f'src="cid:{letters.issue.images[0].cid}"' in html


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_newsletter_with_nothing_but_a_name_still_makes_a_whole_letter(copied: Path, template: str) -> None:
    (copied / "newsletter.toml").write_text(
        '[newsletter]\nname = "Choir & Friends"\nfrom = "choir@example.org"\nbrand_color = "#ffdd00"\n'
    )
    letters = written(copied, "---\ntitle: Plain & short\n---\n\nHello.\n", template)
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


def written(root: Path, source: str, template: str) -> Letters:
    """Return the letters of an issue with this source in the workspace at root."""
    return in_template(root, source, "2027-01-test", template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_kind_of_block_and_every_markdown_element_is_styled(copied: Path, template: str) -> None:
    letters = written(copied, EVERYTHING, template)
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


@pytest.mark.parametrize("template", TEMPLATES)
def test_conditions_may_wrap_paragraphs_blocks_and_whole_sections(copied: Path, template: str) -> None:
    letters = written(copied, CONDITIONS, template)
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


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize(("size", "drawn"), [((400, 120), True), ((160, 160), False)])
def test_a_signature_in_ink_stands_above_the_name_and_a_portrait_beside_it(
    copied: Path, template: str, size: tuple[int, int], drawn: bool
) -> None:
    Image.new("RGBA", size, (0, 0, 0, 0)).save(copied / "issues" / "hand.png")
    source = "---\ntitle: Signed\n---\n\n::: signature Eve\n![Eve](hand.png)\n\nWriter\n:::\n"
    html = written(copied, source, template).html()
    cells = [cell for cell in lxml_html.fromstring(html).iter("td") if cell.get("class") == "ink"]
    assert [cell.xpath("string(.//img/@width)") for cell in cells] == (["160"] if drawn else [])
    assert "Eve" in html
    assert "Writer" in html
