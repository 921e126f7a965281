"""What a person sees, measured in a real browser: on phone and desktop, in light and in dark."""

import base64
from pathlib import Path
from typing import Any

import pytest

from .conftest import Letters

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIGHTS = [(width, scheme) for width in (375, 700) for scheme in ("light", "dark")]

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


def luminance(color: str) -> float:
    """Return WCAG 2's relative luminance of "rgb(r, g, b)"."""
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def show(browser: Any, folder: Path, letters: Letters, width: int, scheme: str) -> Any:
    """Return a page with the letter in it; a request to the web fails the test."""
    html = letters.html("everything")
    for image in letters.issue.images:
        data = f"data:{image.content_type};base64,{base64.b64encode(image.data).decode()}"
        html = html.replace(f"cid:{image.cid}", data)
    file = folder / "letter.html"
    file.write_text(html, "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    return page


@pytest.mark.parametrize(("width", "scheme"), SIGHTS)
def test_it_fits_the_screen_and_can_be_read_and_touched(
    chromium: Any, tmp_path: Path, letters: Letters, width: int, scheme: str
) -> None:
    page = show(chromium, tmp_path, letters, width, scheme)
    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        texts = page.evaluate(TEXTS)
        assert len(texts) > 40
        for words, size, color, background in texts:
            low, high = sorted((luminance(color), luminance(background)))
            assert size >= 16, words
            assert (high + 0.05) / (low + 0.05) >= 4.5, (words, color, background)
        targets = page.evaluate(TARGETS)
        assert {"Unsubscribe", "Write to us"} <= {words for words, *_ in targets}
        for words, height, across in targets:
            assert height >= 44, words
            assert across >= 44, words
        bright = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert bright < 0.05 if scheme == "dark" else bright > 0.7
    finally:
        page.close()
