"""The page needs nothing, runs nothing, can be read by everybody, and is the same for the same figures."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import html as parser
from sqlalchemy import Engine

from newsletter.checks.colours import palette
from newsletter.reporting.gathering import issue_figures, year_figures
from newsletter.reporting.page import Look, issue_page, year_page
from newsletter.reporting.picturing import issue_plots
from newsletter.reporting.svg import ROLES
from newsletter.store.engine import migrate, open_engine
from tests.browsers import chromium
from tests.node_packages import npm_file
from tests.reporting.world import NOVEMBER, World, a_busy_year

__all__ = ["chromium"]

HALIFAX = ZoneInfo("America/Halifax")
SLUG = "2026-11-individual-vs-group"
SIGHTS = [(width, scheme) for width in (375, 768, 1200) for scheme in ("light", "dark")]
VIOLATIONS = """async () => (await axe.run(document, {resultTypes: ["violations"]}))
  .violations.map(v => [v.id, v.help, ...v.nodes.map(node => node.html.slice(0, 120))])"""
ASKED: dict[str, Any] = {
    "now": NOVEMBER + timedelta(days=16),
    "zone": HALIFAX,
    "opens": False,
    "clicks": False,
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Reports of a busy issue, of one of which nothing is heard, and of a year; by name."""
    look = Look(name="Ignite Music Therapy", colours=palette("#24595c", "#b04a2b"), zone=HALIFAX)
    busy, quiet = a_busy_year(), World()
    campaign = quiet.campaign(SLUG, NOVEMBER, title="A first letter")
    for place in range(3):
        person = quiet.person(f"reader{place}@example.org", at=NOVEMBER)
        quiet.consent(person, "confirmed", NOVEMBER - timedelta(days=90 * place))
        quiet.delivery(campaign, person, at=NOVEMBER)
    made: dict[str, str] = {}
    for name, world in (("busy", busy), ("quiet", quiet)):
        engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp(name) / 'newsletter.db'}")
        migrate(engine)
        world.write(engine)
        made[f"{name}-issue"] = issue_page(issue_figures(engine, SLUG, **ASKED), look)
        made[f"{name}-year"] = year_page(year_figures(engine, None, **ASKED), look)
        engine.dispose()
    return made


def parsed(page: str) -> Any:
    """The page as a tree of elements."""
    return parser.document_fromstring(page)


NAMES = ["busy-issue", "busy-year", "quiet-issue", "quiet-year"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_refers_to_nothing_and_runs_nothing(pages: dict[str, str], name: str) -> None:
    page = parsed(pages[name])
    for element in page.iter():
        for attribute, value in element.attrib.items():
            assert attribute not in ("src", "style", "xlink:href", "action", "srcset"), element.tag
            assert not attribute.startswith("on"), element.tag
            assert attribute != "href" or value == "data:,", value
            assert "url(" not in value
    assert {element.tag for element in page.iter()}.isdisjoint(
        {"script", "img", "iframe", "object", "embed", "use", "image", "foreignobject", "form"}
    )
    [style] = page.iter("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_there_once_and_each_drawing_is_told_in_words_and_as_a_table(
    pages: dict[str, str], name: str
) -> None:
    page = parsed(pages[name])
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    drawings = page.xpath("//*[local-name() = 'svg' and @role = 'img']")
    assert drawings
    for drawing in drawings:
        for told in drawing.get("aria-labelledby").split():
            assert page.get_element_by_id(told).text_content().strip()
        [section] = drawing.xpath("ancestor::section")
        assert section.xpath(".//details//td")
    for decoration in page.xpath("//*[local-name() = 'svg' and not(@role)]"):
        assert decoration.get("aria-hidden") == "true"


def test_every_role_of_a_drawing_has_a_colour_in_light_and_dark(pages: dict[str, str]) -> None:
    [style] = parsed(pages["busy-issue"]).iter("style")
    light, dark = style.text.split("@media (prefers-color-scheme: dark)")[:2]
    for role in ROLES:
        [name] = re.findall(rf"\.f-{role} {{ fill: var\((--[a-z]+)\)", style.text)
        assert f"{name}: #" in light
        assert f"{name}: #" in dark.partition("* {")[0]
    assert "#0000" not in pages["busy-issue"].replace(style.text, ""), "a colour of matplotlib's was left"


def test_the_same_figures_give_the_same_page(pages: dict[str, str], tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
    migrate(engine)
    a_busy_year().write(engine)
    figures = issue_figures(engine, SLUG, **ASKED)
    engine.dispose()
    look = Look(name="Ignite Music Therapy", colours=palette("#24595c", "#b04a2b"), zone=HALIFAX)
    assert issue_page(figures, look) == pages["busy-issue"]


def test_what_is_drawn_is_what_the_figures_say(engine: Engine) -> None:
    a_busy_year().write(engine)
    figures = issue_figures(engine, SLUG, **ASKED)
    plots = issue_plots(figures, HALIFAX)
    assert list(plots) == ["arrivals", "reasons", "domains", "open", "click", "unsubscribed", "growth"]
    reasons = plots["reasons"].caption.table.rows
    assert sum(int(hard) for _, hard, _ in reasons) == figures.heard.hard
    assert sum(int(soft) for _, _, soft in reasons) == figures.heard.soft
    gone = plots["unsubscribed"].caption.table.rows
    assert sum(int(linked) + int(others) for _, linked, others in gone) == figures.unsubscribed.total
    moved = plots["growth"].caption.table.rows
    assert sum(int(came) for _, came, _ in moved) == figures.grown.came + figures.moved.came
    assert figures.opens is not None
    last = plots["open"].caption.table.rows[-1]
    assert int(last[1]) <= figures.opens.people.people
    assert int(last[2]) == figures.opens.machines.people
    bars = parsed(str(plots["reasons"].drawings["half"])).xpath("//*[@class = 'f-hard']")
    assert len(bars) == sum(1 for _, hard, _ in reasons if int(hard))


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read_and_reached_on_any_screen_in_light_and_dark(
    pages: dict[str, str], name: str, chromium: Any, tmp_path: Path
) -> None:
    file = tmp_path / f"{name}.html"
    file.write_text(pages[name], "utf-8")
    axe = npm_file("axe-core", "4.10.3", "axe.min.js").read_text("utf-8")
    context = chromium.new_context(bypass_csp=True)  # axe-core is a script, which the page does not allow
    page = context.new_page()
    faults: list[Any] = []
    try:
        page.goto(file.as_uri())
        for opened in (False, True):
            page.evaluate(
                f"document.querySelectorAll('details').forEach(d => d.open = {str(opened).lower()})"
            )
            for width, scheme in SIGHTS:
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme)
                page.evaluate(axe)
                faults += [[name, width, scheme, *found] for found in page.evaluate(VIOLATIONS)]
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    faults.append([name, width, scheme, "wider than the screen"])
    finally:
        context.close()
    assert faults == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_page_works_without_scripts_and_asks_nobody_for_anything(
    pages: dict[str, str], chromium: Any, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(pages["busy-issue"], "utf-8")
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    try:
        page.goto(file.as_uri())
        assert page.get_by_role("heading", level=1).inner_text() == "Individual vs. group music therapy"
        assert page.get_by_role("img", name="Deliveries over time").is_visible()
        table = page.locator("details", has_text="Delivered").first
        assert not table.get_by_role("table").is_visible()
        table.locator("summary").click()
        assert table.get_by_role("table").is_visible()
    finally:
        context.close()
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == [], "the page's own policy stops nothing of the page"


@pytest.mark.browser
@pytest.mark.slow
def test_colours_of_drawings_follow_the_scheme_and_can_be_told_from_the_ground(
    pages: dict[str, str], chromium: Any, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(pages["busy-issue"], "utf-8")
    page = chromium.new_page()
    try:
        page.goto(file.as_uri())
        seen: dict[str, set[str]] = {}
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            seen[scheme] = {
                page.locator(f".{name}").first.evaluate("node => getComputedStyle(node).fill")
                for name in ("f-ink", "f-hard", "f-soft", "f-left", "f-people")
            }
            assert len(seen[scheme]) == 5
            assert "rgb(0, 0, 0)" not in seen[scheme]
        assert seen["light"].isdisjoint(seen["dark"])
    finally:
        page.close()
