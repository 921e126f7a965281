"""The mailbox viewer in a real browser: keys work, mail cannot, and pages fit the screen."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from newsletter.preview.mailbox import mailbox_app

from .conftest import Deliver

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = """<html><head><meta http-equiv="refresh" content="0; url=/newest">
<script>top.document.title = "owned"</script></head><body onload="top.document.title='owned'">
<img src="x" onerror="top.document.title='owned'"><form action="/newest"><button>Go</button></form>
<img src="https://tracker.example.com/p.gif"><p>Hello</p></body></html>"""


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """The viewer, listening on a free port of this computer."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(mailbox_app(folder), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(10)
    listener.close()


def test_the_keyboard_is_enough(chromium: Any, address: str, deliver: Deliver) -> None:
    for number in (1, 2, 3):
        deliver(f"{number}.eml", subject=f"Letter {number}")
    page = chromium.new_page()
    try:
        page.goto(address)
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_url("**/mail/3.eml")
        page.keyboard.press("j")
        page.wait_for_url("**/mail/2.eml?*")
        page.keyboard.press("2")
        page.wait_for_url("**/mail/2.eml?tab=text*")
        page.keyboard.press("u")
        page.wait_for_url(address)
        page.keyboard.press("/")
        page.keyboard.type("letter 1")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?q=letter+1")
        assert page.locator("a.mail").count() == 1
    finally:
        page.close()


def test_hostile_mail_neither_runs_nor_asks_nor_moves(chromium: Any, address: str, deliver: Deliver) -> None:
    deliver(html=HOSTILE, subject="Innocent")
    page = chromium.new_page()
    asked: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    try:
        page.goto(f"{address}mail/1.eml")
        frame = page.frame_locator("iframe")
        frame.locator("p").wait_for()
        page.wait_for_timeout(500)  # long enough for a refresh of 0 seconds
        assert page.title() == "Innocent · Mailbox"
        assert page.url == f"{address}mail/1.eml"
        assert frame.locator("p").inner_text() == "Hello"
        assert [url for url in asked if not url.startswith(address)] == []
        assert f"{address}newest" not in asked
    finally:
        page.close()


@pytest.mark.parametrize("width", [375, 1280])
def test_pages_fit_the_screen(chromium: Any, address: str, deliver: Deliver, width: int) -> None:
    deliver(subject="Averylongwordwithoutanyplacetobreakit" * 4, to="x" * 60 + "@example.org")
    page = chromium.new_page(viewport={"width": width, "height": 800})
    try:
        for path in (
            "",
            "mail/1.eml",
            "mail/1.eml?tab=text",
            "mail/1.eml?tab=headers",
            "mail/1.eml?tab=source",
        ):
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    finally:
        page.close()
