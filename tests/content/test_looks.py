"""What a person sees, measured in a real browser: on phone and desktop, in light and in dark."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.settings import Workspace
from tests.node_packages import npm_file

from .conftest import EVERY_BLOCK, ISSUES, TEMPLATES, Letters, in_template

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIGHTS = [(width, scheme) for width in (375, 700) for scheme in ("light", "dark")]
AXE = ("axe-core", "4.10.3", "axe.min.js")

#: Every visible text with its size, colour and the colour behind it, all as the browser computes them.
TEXTS = """() => {
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, words = walker.currentNode.textContent.trim();
    if (!words || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    found.push([words.slice(0, 40), parseFloat(style.fontSize), style.color, behind(element)]);
  }
  return found;
}"""

#: Links that stand by themselves, buttons above all, with their height and width.
TARGETS = """() => [...document.querySelectorAll("a")]
  .filter(a => a.textContent.trim() && !a.closest(".prose"))
  .map(a => [a.textContent.trim(), a.getBoundingClientRect().height, a.getBoundingClientRect().width])"""

#: What is larger than the cell it stands in; the mark above a quotation is an ornament, and means to be.
CLIPPED = """() => [...document.querySelectorAll("td, th, div, p, a, h1, h2, h3")]
  .filter(e => e.getClientRects().length && e.clientWidth && !e.querySelector("[aria-hidden]"))
  .filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
  .map(e => [e.tagName, e.className, e.textContent.trim().slice(0, 40), e.scrollWidth, e.clientWidth,
             e.scrollHeight, e.clientHeight])"""

#: A mail program shows a letter in the main region of its window, and so do we for axe.
READING_PANE = """() => {
  const main = document.createElement("main");
  main.append(...document.body.childNodes);
  document.body.append(main);
}"""

VIOLATIONS = """async () => (await axe.run(document, {resultTypes: ["violations"]}))
  .violations.map(v => [v.id, v.help, ...v.nodes.map(node => node.html.slice(0, 120))])"""


def luminance(color: str) -> float:
    """Return WCAG 2's relative luminance of "rgb(r, g, b)"."""
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which finds what people with assistive technology would stumble over."""
    return npm_file(*AXE).read_text("utf-8")


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page that fails the test if it asks the web for anything."""
    made = chromium.new_page()
    asked: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    yield made
    made.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def show(page: Any, folder: Path, letters: Letters) -> None:
    """Open a letter, with its pictures."""
    html = letters.html("everything")
    for image in letters.issue.images:
        data = f"data:{image.content_type};base64,{base64.b64encode(image.data).decode()}"
        html = html.replace(f"cid:{image.cid}", data)
    file = folder / "letter.html"
    file.write_text(html, "utf-8")
    page.goto(file.as_uri())


@pytest.fixture(
    params=[*[(path, "") for path in ISSUES], *[(path, name) for path in EVERY_BLOCK for name in TEMPLATES]],
    ids=lambda pair: f"{pair[0].stem}-{pair[1]}".strip("-"),
)
def sent(request: pytest.FixtureRequest, workspace: Workspace, desk: Path) -> Letters:
    """Each issue as it is, and those with every block in each template."""
    path, template = request.param
    if not template:
        return Letters(workspace, path)
    return in_template(desk, path.read_text("utf-8"), path.stem, template)


def test_it_fits_the_screen_can_be_read_and_touched_and_is_open_to_everybody(
    page: Any, tmp_path: Path, sent: Letters, axe: str
) -> None:
    show(page, tmp_path, sent)
    page.evaluate(READING_PANE)
    page.evaluate(axe)
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    for width, scheme in SIGHTS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CLIPPED) == [], (width, scheme)
        texts = page.evaluate(TEXTS)
        assert len(texts) > 40
        for words, size, color, background in texts:
            low, high = sorted((luminance(color), luminance(background)))
            assert size >= 16, words
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, words, color, background)
        targets = page.evaluate(TARGETS)
        assert len(targets) >= 5  # a button, telephone, address, website, unsubscribe
        for words, height, across in targets:
            assert height >= 44, words
            assert across >= 44, words
        bright = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert bright < 0.05 if scheme == "dark" else bright > 0.7
        assert page.evaluate(VIOLATIONS) == [], (width, scheme)


def test_the_rules_see_what_they_are_there_to_see(page: Any, tmp_path: Path, axe: str) -> None:
    file = tmp_path / "bad.html"
    file.write_text(
        "<!doctype html><div style='width:900px'>wide</div><table><tr><td><div style='width:40px;height:9px'>"
        "Donaudampfschifffahrt</div></td></tr></table><img src='data:,'><a href='#x'></a>",
        "utf-8",
    )
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(file.as_uri())
    page.evaluate(axe)
    assert page.evaluate("document.documentElement.scrollWidth") > 375
    assert {found[2] for found in page.evaluate(CLIPPED)} == {"Donaudampfschifffahrt"}
    assert {"html-has-lang", "image-alt", "landmark-one-main"} <= {v[0] for v in page.evaluate(VIOLATIONS)}


@pytest.mark.parametrize("template", TEMPLATES)
def test_without_pictures_their_words_can_be_read(
    page: Any, desk: Path, template: str, tmp_path: Path
) -> None:
    path = EVERY_BLOCK[0]
    letters = in_template(desk, path.read_text("utf-8"), path.stem, template)
    file = tmp_path / "letter.html"
    file.write_text(letters.html("everything").replace('src="cid:', 'src="data:,'), "utf-8")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 375, "height": 800})
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        described = page.locator('img:not([alt=""])')
        assert described.count() == 3
        for number in range(3):
            style = described.nth(number).evaluate(
                "e => [getComputedStyle(e).fontSize, getComputedStyle(e).color,"
                " getComputedStyle(document.body).backgroundColor]"
            )
            low, high = sorted(map(luminance, style[1:]))
            assert float(style[0].removesuffix("px")) >= 16
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, style)


#: Where things are: [left, right] of the first element of each, in CSS pixels.
PLACES = """() => Object.fromEntries(Object.entries({
  title: document.querySelector("h1"),
  paragraph: document.querySelector(".prose p"),
  portrait: [...document.images].find(image => image.style.borderRadius === "40px"),
  name: [...document.querySelectorAll("div")].find(e => e.textContent.trim() === NAME && !e.children.length),
  first: [...document.querySelectorAll("h3")].find(e => e.textContent === FIRST),
  second: [...document.querySelectorAll("h3")].find(e => e.textContent === SECOND),
}).map(([key, element]) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const box = (element.tagName === "IMG" ? element : range).getBoundingClientRect();
  return [key, [box.left, box.right]];
}))"""


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_right_to_left_issue_is_a_mirror_image(
    page: Any, desk: Path, tmp_path: Path, template: str
) -> None:
    path = next(path for path in EVERY_BLOCK if "ivrit" in path.stem)
    show(page, tmp_path, in_template(desk, path.read_text("utf-8"), path.stem, template))
    page.set_viewport_size({"width": 700, "height": 800})
    script = PLACES
    for key, words in {"NAME": "מארה לינדגרן", "FIRST": "בבית", "SECOND": "איתנו"}.items():
        script = script.replace(key, f'"{words}"')
    at = page.evaluate(script)
    edge = 700 - (700 - 600) / 2 - 40
    assert at["title"][1] == pytest.approx(edge, abs=2)
    assert at["paragraph"][1] == pytest.approx(edge, abs=2)
    assert at["portrait"][1] == pytest.approx(edge, abs=2)
    assert at["portrait"][0] > at["name"][1]
    assert at["first"][0] > at["second"][1]
