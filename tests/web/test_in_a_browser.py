"""The whole way in and out, in a real browser and through the command line; and what people see of it."""

import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.node_packages import npm_file
from tests.workspaces import Desk, make_desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIGHTS = [(width, scheme) for width in (375, 1000) for scheme in ("light", "dark")]
VIOLATIONS = """async () => (await axe.run(document, {resultTypes: ["violations"]}))
  .violations.map(v => [v.id, v.help, ...v.nodes.map(node => node.html.slice(0, 120))])"""


@dataclass
class Server:
    """`newsletter serve` at work."""

    desk: Desk
    address: str

    def confirmation(self, at_least: int = 1) -> str:
        """Return the link of the newest confirmation mail, once it is there."""
        for _ in range(100):
            asked = [m for m in self.desk.mailbox() if "/c/c." in m.get_body(("plain",)).get_content()]  # type: ignore[union-attr]
            if len(asked) >= at_least:
                body = asked[-1].get_body(("plain",))
                assert body is not None
                [url] = re.findall(r"http://\S*/c/\S+", body.get_content())
                return str(url)
            time.sleep(0.1)
        raise AssertionError("no confirmation mail came")


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The pages, served by the command line on this computer; the parameter is the language."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    desk = make_desk(
        tmp_path / "desk",
        NEWSLETTER_NEWSLETTER__PUBLIC_URL=address,
        NEWSLETTER_NEWSLETTER__LANGUAGE=getattr(request, "param", "en"),
    )
    process = desk.process("serve", "--port", str(port))
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
        yield Server(desk, address)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()


@pytest.fixture
def page(chromium: Any, server: Server) -> Iterator[Any]:
    """A page without scripts that fails the test if it asks anybody but the newsletter, or keeps a cookie."""
    context = chromium.new_context(java_script_enabled=False)
    made = context.new_page()
    asked: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    yield made
    cookies = context.cookies()
    context.close()
    assert [url for url in asked if not url.startswith((server.address, "data:"))] == []
    assert cookies == []


def test_from_the_form_to_the_last_letter(server: Server, page: Any) -> None:
    desk = server.desk
    page.goto(server.address)
    page.get_by_label("E-mail address").fill("no address")
    page.get_by_role("button", name="Subscribe").click()
    assert "not an e-mail address" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("E-mail address").input_value() == "no address"
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Your name").fill("Ada Byron")
    page.get_by_role("button", name="Subscribe").click()
    page.wait_for_url("**/subscribe/sent")
    assert page.get_by_role("heading", level=1).inner_text() == "Look into your mailbox"

    link = server.confirmation()
    assert desk.json("subscribers", "show", "ada@example.org")["status"] == "pending"
    page.goto(link)
    assert desk.json("subscribers", "show", "ada@example.org")["status"] == "pending"
    page.get_by_role("button").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Welcome!"
    assert desk.json("subscribers", "show", "ada@example.org")["status"] == "confirmed"

    page.get_by_role("link", name="Choose what you get").click()
    assert page.get_by_label("Your name").input_value() == "Ada Byron"
    page.get_by_label("Your name").fill("Ada, Countess of Lovelace")
    page.get_by_label("For families and carers").check()
    page.get_by_label("Pause for three months").check()
    page.get_by_role("button", name="Save").click()
    assert page.get_by_role("status").inner_text() == "Saved."
    assert page.get_by_label("For families and carers").is_checked()
    assert "Stay paused until" in page.locator("label", has=page.locator("input:checked")).last.inner_text()
    page.get_by_label("No break").check()
    page.get_by_role("button", name="Save").click()
    shown = desk.json("subscribers", "show", "ada@example.org")
    assert (shown["name"], shown["tags"]) == ("Ada, Countess of Lovelace", ["families"])

    desk.ok("send", "2026-11-individual-vs-group", "--yes")
    letter = desk.mailbox()[-1]
    html = letter.get_body(("html",))
    assert html is not None
    preferences, leave = (
        re.findall(rf'href="({server.address}/{kind}/[^"]+)"', html.get_content())[0] for kind in "pu"
    )
    page.goto(preferences)
    assert page.get_by_label("For families and carers").is_checked()
    page.goto(leave)
    assert desk.json("subscribers", "show", "ada@example.org")["status"] == "confirmed"
    page.get_by_role("button", name="Unsubscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "You have left"
    assert desk.json("subscribers", "show", "ada@example.org")["status"] == "unsubscribed"
    assert desk.json("send", "2026-10-songs-that-stay", "--yes")["sent"] == 0

    page.get_by_role("button", name="Let me come back").click()
    page.wait_for_url("**/subscribe/sent")
    page.goto(server.confirmation(2))
    page.get_by_role("button").click()
    assert desk.json("subscribers", "show", "ada@example.org")["status"] == "confirmed"


@pytest.mark.parametrize("server", ["en", "de"], indirect=True)
def test_every_page_fits_can_be_read_and_reached_and_is_whole(
    server: Server, chromium: Any, tmp_path: Path
) -> None:
    desk = server.desk
    desk.ok("subscribers", "add", "ben@example.org", "--name", "Benedikt Angström", "--consent", "asked me")
    axe = npm_file("axe-core", "4.10.3", "axe.min.js").read_text("utf-8")
    context = chromium.new_context(bypass_csp=True)  # axe-core is a script, which our pages do not allow
    page = context.new_page()
    faults: list[Any] = []

    def look(name: str) -> None:
        for width, scheme in SIGHTS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.evaluate(axe)
            faults.extend([name, width, scheme, *found] for found in page.evaluate(VIOLATIONS))
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append([name, width, scheme, "wider than the screen"])
            page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)

    try:
        page.goto(f"{server.address}/subscribe")
        look("subscribe")
        page.fill("#email", "nobody")
        page.click("button")
        look("fault")
        page.fill("#email", "ada@example.org")
        page.click("button")
        look("sent")
        page.goto(server.confirmation())
        look("confirm")
        page.click("button")
        look("confirmed")
        page.click("a.next")
        page.check("[name=tag]")
        page.check("[value='3']")
        page.click("button")
        look("preferences")
        preferences = page.url
        page.click("button.second")
        look("left")
        page.goto(preferences)
        look("not-subscribed")
        page.goto(page.url.replace("/p/", "/x/"))
        look("problem")
    finally:
        context.close()
    assert faults == []
