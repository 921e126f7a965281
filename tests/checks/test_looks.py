"""Contrast, pictures, dark mode, and what mail programs do not know."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from newsletter.checks.caniemail import trim
from newsletter.checks.colours import contrast, hexadecimal, read_colour, readable
from newsletter.model import Level
from tests.checks.drafts import GOOD, Table, change


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#fff", 21.0), ("#777", "white", 4.48), ("#767676", "#ffffff", 4.54), ("#fff", "#fff", 1.0)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    ink, paper = read_colour(one), read_colour(other)
    assert ink and paper
    assert contrast(ink, paper) == pytest.approx(ratio, abs=0.005)


def test_the_colour_that_is_proposed_has_the_contrast() -> None:
    ink, paper = read_colour("#ff9999"), read_colour("#fffcf7")
    assert ink and paper
    better = read_colour(hexadecimal(readable(ink, paper, 4.5)))
    assert better and 4.5 <= contrast(better, paper) < 6


@pytest.mark.parametrize(
    "html",
    [
        '<span style="color:#999">Pale words</span>',
        '<span style="color: rgba(0, 0, 0, .3)">Pale words</span>',
        '<font color="#aaaaaa">Pale words</font>',
        '<div style="background-color:#222"><p>Pale words</p></div>',
        '<div style="background: #222 none"><p>Pale words</p></div>',
        '<table bgcolor="#222222"><tr><td>Pale words</td></tr></table>',
        '<p style="background:rgba(0, 0, 0, .6)">Pale words</p>',
        '<span style="color:#888;font-size:18px">Pale words</span>',
        '<b style="color:#999;font-size:20px">Pale words</b>',
    ],
)
def test_words_that_are_hard_to_read_are_found(table: Table, html: str) -> None:
    finding = table.one(change("Some words", f"Words.\n\n{html}\n\nSome"), "contrast")
    assert finding.where == "issues/2026-12-under-test.md:10"
    assert "Pale words" in finding.what and finding.level is Level.WARNING


@pytest.mark.parametrize(
    "html",
    [
        '<span style="color:#666">Clear words</span>',
        '<span style="color:#888;font-size:24px">Clear words</span>',
        '<b style="color:#888;font-size:14pt">Clear words</b>',
        '<div style="background-color:#222"><p style="color:white">Clear words</p></div>',
        '<div style="background-image:url(https://example.org/a.png)"><p style="color:#fff">Who?</p></div>',
        '<div style="background:linear-gradient(red, blue)"><p style="color:white">Who knows</p></div>',
        '<span style="color:#eee;display:none">Not seen</span>',
        '<span style="color:#eee" aria-hidden="true">Decoration</span>',
        '<span style="color:#eee">· · ·</span>',
        '<span style="color:no-colour">Clear words</span>',
    ],
)
def test_words_that_can_be_read_are_not_found(table: Table, html: str) -> None:
    assert [found for found in table.found(change("Some words", html)) if found[0] == "contrast"] == []


def test_a_field_without_words_around_it_is_judged_too(table: Table) -> None:
    text = change("Some words", '<span style="color:#ccc">{{ subscriber.city | default("here") }}</span>')
    assert "a reader's field" in table.one(text, "contrast").what


def test_one_pair_of_colours_is_one_finding(table: Table) -> None:
    pale = '<span style="color:#999">Pale words</span>'
    assert table.found(change("Some words", f"{pale} and {pale}")) == [("contrast", "8")]


def picture(table: Table, name: str, size: tuple[int, int], *, noise: bool = False, kind: str = "PNG") -> str:
    """Make a picture and return the good issue with it in it."""
    made = Image.effect_noise(size, 120).convert("RGB") if noise else Image.new("RGB", size, "#dda")
    path = table.root / "issues" / "images" / name
    made.save(path, kind)
    return change("images/two-chairs.png", f"images/{name}")


@pytest.mark.parametrize(
    ("alt", "check"),
    [
        ("", "alt-missing"),
        ("two-chairs.png", "alt-not-words"),
        ("IMG_2041", "alt-not-words"),
        ("image", "alt-not-words"),
        ("A chair and " * 30, "alt-long"),
    ],
)
def test_an_alternative_text_says_what_a_picture_shows(table: Table, alt: str, check: str) -> None:
    assert table.found(change("Two chairs and a guitar", alt.strip())) == [(check, "10")]


def test_a_hero_without_alt_is_found_and_one_that_is_decoration_is_not(table: Table) -> None:
    hero = change("preheader:", "hero:\n  image: images/two-chairs.png\npreheader:")
    assert table.found(hero) == [("alt-missing", "4")]
    assert table.found(change("  image:", '  alt: ""\n  image:', hero)) == []


def test_a_picture_that_is_too_small_for_its_place_is_blurred(table: Table) -> None:
    text = picture(table, "small.png", (300, 150))
    hero = change("preheader:", "hero:\n  image: images/small.png\n  alt: A field\npreheader:", text)
    assert table.found(text) == []
    assert table.found(hero) == [("picture-blurred", "4")]


def test_heavy_pictures_are_found_one_by_one_and_together(table: Table) -> None:
    text = picture(table, "heavy.png", (700, 500), noise=True)
    assert table.found(text) == [("picture-heavy", "10")]
    for number in range(4):
        picture(table, f"heavy{number}.png", (700, 500 + number), noise=True)
        text += f"\n![A grey field](images/heavy{number}.png)\n"
    checks = [check for check, _ in table.found(text)]
    assert checks == ["picture-heavy"] * 5 + ["pictures-heavy"]


def test_a_moving_picture_with_pixels_that_nobody_sees_is_noted(table: Table) -> None:
    frames = [Image.effect_noise((1600, 200), 60 + step).convert("P") for step in range(2)]
    path = table.root / "issues" / "images" / "moving.gif"
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=200)
    assert ("picture-wasteful", "10") in table.found(change("images/two-chairs.png", "images/moving.gif"))


def drawing(ink: str, ground: str) -> bytes:
    made = Image.new("RGBA", (400, 100), ground)
    ImageDraw.Draw(made).ellipse((20, 20, 380, 80), fill=ink)
    written = io.BytesIO()
    made.save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("ink", "ground", "found"),
    [
        ("#111111ff", "#00000000", [("dark-mode-picture", "10")]),
        ("#eeeeeeff", "#00000000", []),
        ("#111111ff", "#ffffffff", []),
    ],
)
def test_a_dark_drawing_on_nothing_is_noted(
    table: Table, ink: str, ground: str, found: list[tuple[str, str]]
) -> None:
    (table.root / "issues" / "images" / "drawing.png").write_bytes(drawing(ink, ground))
    assert table.found(change("images/two-chairs.png", "images/drawing.png")) == found


def test_what_the_owners_own_html_asks_of_mail_programs_is_noted(table: Table) -> None:
    text = change("Some words", '<span style="box-shadow: 0 0 2px red; width: 10vw">Some</span> words')
    notes = [finding for finding in table.findings(text) if finding.check == "mail-program"]
    by_program = {finding.what.partition(" does not")[0]: finding for finding in notes}
    assert {finding.level for finding in notes} == {Level.NOTE}
    assert "box-shadow (on " in by_program["Outlook"].what and "vw unit" in by_program["Outlook"].what
    assert "Apple Mail" not in by_program
    assert {finding.where for finding in notes} == {"issues/2026-12-under-test.md:8"}


@pytest.mark.parametrize(
    "body",
    [
        "`<video src='a.mp4'>` and\n\n```html\n<svg>\n```",
        "| A | B |\n|---|---|\n| 1 | 2 |",
        "{% if 'a' in subscriber.tags %}~~Words~~{% endif %} <https://example.org>",
        "<b>Bold</b> and <span style='color:#333'>dark</span>",
    ],
)
def test_code_markdown_and_plain_html_ask_for_nothing(table: Table, body: str) -> None:
    assert table.found(change("Some words", f"{body}\n\nSome")) == []


def test_the_data_of_mail_programs_is_trimmed_from_the_newest_versions() -> None:
    clients = {"gmail": {"ios": {"2019-01": "n", "2023-01": "y #1"}}, "aol": {"ios": {"2019-01": "n"}}}
    feature = {"category": "css", "stats": clients, "keywords": "margin-left, spacing"}
    data = {
        "last_update_date": "2025-09-09 18:08:06 +0000",
        "nicenames": {"family": {"gmail": "Gmail"}, "platform": {"ios": "iOS"}},
        "data": [
            {**feature, "slug": "css-margin", "title": "margin"},
            {**feature, "slug": "css-at-media", "title": "@media"},
        ],
    }
    kept = trim.trimmed(data, "1.2.3")
    assert kept["clients"] == [["Gmail", "iOS"]] and kept["date"] == "2025-09-09"
    assert kept["features"] == [
        {
            "slug": "css-margin",
            "title": "margin",
            "category": "css",
            "marks": ["property:margin", "property:margin-left"],
            "support": "y",
        }
    ]


def test_the_data_comes_with_its_licence_and_stays_small() -> None:
    folder = Path(trim.__file__).parent
    assert "Permission is hereby granted, free of charge" in (folder / "LICENSE").read_text("utf-8")
    assert (folder / "caniemail.json").stat().st_size < 150_000
    assert "1.0.5" in (folder / "README.md").read_text("utf-8")


def test_a_template_that_does_not_speak_of_dark_mode_is_noted(table: Table) -> None:
    layout = table.root / "templates" / "monthly" / "layout.mjml.j2"
    before = layout.read_text("utf-8")
    layout.write_text(before.replace('name="color-scheme"', 'name="x"'), "utf-8")
    try:
        assert table.found(GOOD) == [("dark-mode-not-stated", "templates/monthly/layout.mjml.j2")]
    finally:
        layout.write_text(before, "utf-8")
