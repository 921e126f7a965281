"""The archive as people see it: reading, searching, replying, approving, in a real browser."""

import re
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.node_packages import npm_file
from tests.workspaces import Desk, make_desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOVEMBER = "2026-11-individual-vs-group"
SIGHTS = [(width, scheme) for width in (375, 1200) for scheme in ("light", "dark")]
VIOLATIONS = """async () => (await axe.run(document, {resultTypes: ["violations"]}))
  .violations.map(v => [v.id, v.help, ...v.nodes.map(node => node.html.slice(0, 120))])"""
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@dataclass
class Served:
    """`newsletter serve` at work on letters that were sent."""

    desk: Desk
    address: str

    def link_in(self, to: str, pattern: str) -> str:
        """Return the link in the newest mail to somebody that has such a one, once it is there."""
        for _ in range(100):
            bodies = [m.get_body(("plain",)) for m in self.desk.mailbox() if to in str(m["To"])]
            found = [re.findall(pattern, body.get_content()) for body in bodies if body is not None]
            if any(found):
                return str([links for links in found if links][-1][0])
            time.sleep(0.1)
        raise AssertionError("no such mail came")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """All three letters, sent to Ada and served."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    folder: Path = tmp_path_factory.mktemp("archive") / "desk"
    desk = make_desk(folder, NEWSLETTER_NEWSLETTER__PUBLIC_URL=address)
    desk.ok("subscribers", "add", "ada@example.org", "--name", "Ada Byron", "--consent", "asked me")
    for slug in ("2026-09-finding-our-rhythm", "2026-10-songs-that-stay", NOVEMBER):
        desk.ok("send", slug, "--yes")
    process = desk.process("serve", "--port", str(port))
    try:
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
        yield Served(desk, address)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def page(chromium: Any, served: Served) -> Iterator[Any]:
    """A page that fails the test if it asks anybody else, breaks its policy, or keeps a cookie."""
    context = chromium.new_context()
    made = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    made.on("console", lambda message: said.append(message.text))
    made.on("pageerror", lambda error: said.append(str(error)))
    yield made
    cookies = context.cookies()
    context.close()
    assert [url for url in asked if not url.startswith((served.address, "data:"))] == []
    assert cookies == [] and said == []


def test_from_the_mail_to_a_reply_that_everybody_sees(served: Served, page: Any, chromium: Any) -> None:
    address = re.escape(served.address)
    page.goto(served.link_in("ada@example.org", rf"{address}/archive/{NOVEMBER}\.html#\S+"))
    assert page.get_by_role("heading", level=1).inner_text() == "Individual vs. group music therapy"
    assert page.url == f"{served.address}/archive/{NOVEMBER}.html"  # the key is not there to be copied
    page.locator("[data-known]").wait_for(state="visible")
    assert page.get_by_label("The name to show with it").input_value() == "Ada Byron"
    assert page.get_by_label("E-mail address (if you like)").is_hidden()
    page.get_by_label("Your reply").fill(f"Thank you, Mara!\n\n{HOSTILE} https://example.org/song")
    page.get_by_role("button", name="Send the reply").click()
    page.wait_for_url("**/reply/sent")

    owner = served.link_in("hello@ignite.example.org", rf"{address}/m/\S+")
    page.goto(owner)
    assert "Ada Byron, a reader of the letter" in page.locator(".lead").inner_text()
    assert HOSTILE in page.locator("blockquote").inner_text()
    stranger = chromium.new_context(java_script_enabled=False).new_page()
    stranger.goto(f"{served.address}/archive/{NOVEMBER}.html")
    assert "Thank you, Mara!" not in stranger.content()
    page.get_by_role("button", name="Show it below the letter").click()
    assert page.get_by_role("heading", level=1).inner_text() == "It is shown now"

    page.goto(f"{served.address}/archive/{NOVEMBER}.html")
    shown = page.locator(".replies li")
    assert HOSTILE in shown.inner_text() and page.title().startswith("Individual vs. group")
    assert shown.get_by_role("link").get_attribute("rel") == "nofollow ugc noopener"
    stranger.reload()
    assert "Thank you, Mara!" in stranger.content()
    stranger.get_by_label("Your reply").fill("From somebody without scripts.")
    stranger.get_by_label("The name to show with it").fill("Tom")
    stranger.get_by_role("button", name="Send the reply").click()
    assert stranger.get_by_role("heading", level=1).inner_text() == "Thank you for your reply"
    stranger.context.close()


def test_files_that_stand_elsewhere_lead_to_the_form_and_hand_the_key_on(
    served: Served, chromium: Any
) -> None:
    served.desk.ok("archive", "build")
    handler = partial(SimpleHTTPRequestHandler, directory=served.desk.root / "out" / "archive")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        threading.Thread(target=files.serve_forever, kwargs={"poll_interval": 0.05}).start()
        link = served.link_in("ada@example.org", rf"{re.escape(served.address)}/archive/{NOVEMBER}\.html#\S+")
        page = chromium.new_context().new_page()
        page.goto(link.replace(served.address, f"http://127.0.0.1:{files.server_port}"))
        page.get_by_role("link", name="Leave a reply").click()
        page.wait_for_url(f"{served.address}/reply/{NOVEMBER}")
        page.locator("[data-known]").wait_for(state="visible")
        assert page.get_by_label("The name to show with it").input_value() == "Ada Byron"
        page.context.close()
        files.shutdown()


def test_searching_needs_no_server_and_reading_needs_no_script(
    served: Served, page: Any, chromium: Any
) -> None:
    page.goto(f"{served.address}/archive/index.html")
    search = page.get_by_label("Search the letters")
    search.fill("CÓCHRANE")  # accents and capitals do not matter
    page.get_by_text("1 letter found").wait_for()
    assert page.locator("#search_found mark").first.inner_text().lower() == "cochrane"
    assert page.locator("#all_issues").is_hidden() and page.url.endswith(f"?q={'C%C3%93CHRANE'}")
    search.fill("<b>nothing</b>")
    page.get_by_text("Nothing found").wait_for()
    page.goto(f"{served.address}/archive/index.html?q=drum+circle")
    page.locator("#search_found a").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "Individual vs. group music therapy"
    page.get_by_role("link", name="The letter before").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Songs that stay"

    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{served.address}/archive/index.html")
    assert plain.get_by_label("Search the letters").is_hidden()
    plain.get_by_role("link", name="Finding our rhythm again").click()
    assert plain.get_by_role("heading", level=1).inner_text() == "Finding our rhythm again"
    plain.locator("#box_email").fill("ben@example.org")
    plain.get_by_role("button", name="Subscribe").click()
    plain.wait_for_url("**/subscribe/sent")
    served.link_in("ben@example.org", rf"{re.escape(served.address)}/c/\S+")
    context.close()


def test_every_page_fits_can_be_read_and_is_whole(served: Served, chromium: Any, tmp_path: Path) -> None:
    axe = npm_file("axe-core", "4.10.3", "axe.min.js").read_text("utf-8")
    served.desk.ok("archive", "build")
    built = (served.desk.root / "out" / "archive" / "archive" / f"{NOVEMBER}.html").as_uri()
    context = chromium.new_context(bypass_csp=True)  # axe-core is somebody else's script
    page = context.new_page()
    faults: list[Any] = []
    for name, url in {
        "index": f"{served.address}/archive/index.html",
        "year": f"{served.address}/archive/2026.html",
        "issue": f"{served.address}/archive/{NOVEMBER}.html",
        "search": f"{served.address}/archive/index.html?q=song",
        "reply": f"{served.address}/reply/{NOVEMBER}",
        "file": built,
    }.items():
        page.goto(url)
        if name == "search":
            page.get_by_text("letters found").wait_for()
        for width, scheme in SIGHTS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            if (width < 400) == (scheme == "light"):  # each width and each scheme once: it takes its time
                page.evaluate(axe)
                faults.extend([name, width, scheme, *found] for found in page.evaluate(VIOLATIONS))
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append([name, width, scheme, "wider than the screen"])
            page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)
    context.close()
    assert faults == []
