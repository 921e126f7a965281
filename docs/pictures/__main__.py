"""Draws the pictures of the sample issues and of the handbook: run `python docs/pictures` after a change.

`python docs/pictures issues`, `blocks`, `templates` or `reports` draws only those.

A picture of an issue is SVG from a few shapes (shapes.py, people.py, scenes.py), rendered by Chromium at its
final size and written to issues/images/ as a PNG of at most 128 colours: crisp, and 35 kB or less. Those of
the handbook are photographs of letters (letters.py) and of a report (reports.py), in docs/images/.
"""

import io
import sys
from pathlib import Path
from typing import Any

import letters
import reports
import scenes
from PIL import Image
from playwright.sync_api import sync_playwright
from shapes import GLOW

IMAGES = Path(__file__).parents[2] / "issues" / "images"
CHROMIUM = "/usr/bin/chromium"

#: file name: drawing, the part of the sheet that is kept (x, y, width, height), width in pixels
PICTURES = {
    "hero-back-to-rhythm.png": (scenes.back_to_rhythm, (0, 0, 1200, 600), 1200),
    "song-cards.png": (scenes.song_cards, (0, 60, 1200, 480), 1040),
    "hero-songs-that-stay.png": (scenes.songs_that_stay, (0, 0, 1200, 600), 1200),
    "hero-individual-and-group.png": (scenes.individual_and_group, (0, 0, 1200, 600), 1200),
    "two-chairs.png": (scenes.two_chairs, (0, 30, 1200, 570), 1040),
    "drum-circle.png": (scenes.drum_circle, (0, 0, 1200, 600), 1040),
    "logo.png": (scenes.logo, (300, 0, 600, 600), 160),
    "mara.png": (scenes.portrait, (300, 0, 600, 600), 160),
}


def main() -> None:
    """Draw what the command line names, or everything."""
    asked = sys.argv[1:] or ["issues", "blocks", "templates", "reports"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        if "issues" in asked:
            draw_issues(browser)
        if "blocks" in asked:
            letters.draw_blocks(browser)
        if "templates" in asked:
            letters.draw_templates(browser)
        if "reports" in asked:
            reports.draw_reports(browser)
        browser.close()


def draw_issues(browser: Any) -> None:
    """Draw the pictures of the sample issues."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, (draw, view, width) in PICTURES.items():
        height = round(width * view[3] / view[2])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_content(
            "<style>html, body { margin: 0; background: transparent } svg { display: block }</style>"
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{" ".join(map(str, view))}" '
            f'width="{width}" height="{height}">{GLOW}{draw()}</svg>'
        )
        picture = Image.open(io.BytesIO(page.screenshot(omit_background=True)))
        page.close()
        if picture.mode == "RGB":  # nothing is transparent: flat colours compress well in a palette
            picture = picture.quantize(128, dither=Image.Dither.NONE)
        picture.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
