"""The authoring view in a real browser: it follows what is saved, keys are enough, no issue takes over."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from newsletter.preview.authoring import authoring_app
from tests.node_packages import npm_file
from tests.workspaces import Desk

from .conftest import ISSUE, SLUG, services_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOON = 15_000  # ms in which a busy machine composes an issue
LONG = ISSUE + "\n".join(f"Paragraph {n}.\n" for n in range(80))

HOSTILE = """
<script>top.document.title = "owned"</script>
<img src="images/drum-circle.png" onload="top.document.title = 'owned'">
<svg onload="top.document.title = 'owned'"></svg>
<iframe srcdoc="<script>top.document.title = 'owned'</script>"></iframe>
<form action="/events"><button>Go</button></form>
<a id="js" href="javascript:top.document.title='owned'">js</a>
<a id="blank" target="_blank" href="javascript:opener.top.document.title='owned'">blank</a>
<a id="top" target="_top" href="/static/author.svg">top</a>
"""


@pytest.fixture
def address(writing: Desk) -> Iterator[str]:
    """The view, listening on a free port of this computer and watching the workspace."""
    app = authoring_app(writing.root, lambda: services_of(writing), stopping=lambda: server.should_exit)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "open pages keep the server from ending"
    listener.close()


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    """A page on the short issue, live; an error of a script or a request to elsewhere fails the test."""
    made = chromium.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    asked: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("request", lambda request: asked.append(request.url))
    made.goto(f"{address}issue/{SLUG}")
    made.locator("#live[data-state=on]").wait_for(timeout=SOON)
    made.frame_locator("iframe").get_by_text("come in").wait_for(timeout=SOON)
    yield made
    made.close()
    assert errors == []
    assert [url for url in asked if not url.startswith((address, "data:", "about:"))] == []


def mail(page: Any) -> Any:
    return page.frame_locator("iframe:not(.coming)")


def test_what_is_saved_appears_and_errors_come_and_go_by_themselves(page: Any, writing: Desk) -> None:
    page.evaluate("window.same = 'not reloaded'")
    writing.write(f"issues/{SLUG}.md", ISSUE.replace("come in", "take off your shoes"))
    mail(page).get_by_text("take off your shoes").wait_for(timeout=SOON)
    writing.write(f"issues/{SLUG}.md", ISSUE.replace("{% if", "{% fi"))
    fault = page.locator(".fault")
    fault.wait_for(timeout=SOON)
    assert f"issues/{SLUG}.md:10" in fault.inner_text()
    assert "{% fi 'group' in subscriber.tags %}" in fault.locator(".here").inner_text()
    assert page.title().startswith("✗ ")
    writing.write("newsletter.toml", (writing.root / "newsletter.toml").read_text("utf-8") + "\n[sendr]\n")
    page.get_by_text("There is no section [sendr]").wait_for(timeout=SOON)
    writing.write(
        "newsletter.toml", (writing.root / "newsletter.toml").read_text("utf-8")[: -len("\n[sendr]\n")]
    )
    writing.write(f"issues/{SLUG}.md", ISSUE.replace("come in", "welcome back"))
    mail(page).get_by_text("welcome back").wait_for(timeout=SOON)
    assert fault.count() == 0
    assert page.evaluate("window.same") == "not reloaded"


def test_the_place_in_the_mail_is_kept_when_it_changes_or_breaks_for_a_moment(
    page: Any, writing: Desk
) -> None:
    writing.write(f"issues/{SLUG}.md", LONG)
    mail(page).get_by_text("Paragraph 79.").wait_for(timeout=SOON)
    where = "document.querySelector('iframe:not(.coming)').contentDocument.scrollingElement"
    page.wait_for_function(f"{where}.scrollHeight > 2500")
    page.evaluate(f"{where}.scrollTo(0, 900)")
    writing.write(f"issues/{SLUG}.md", LONG.replace("Paragraph 40.", "Changed."))
    mail(page).get_by_text("Changed.").wait_for(timeout=SOON)
    page.wait_for_function(f"{where}.scrollTop === 900")
    writing.write(f"issues/{SLUG}.md", LONG.replace("{% if", "{% fi"))
    page.locator(".fault").wait_for(timeout=SOON)
    writing.write(f"issues/{SLUG}.md", LONG)
    mail(page).get_by_text("Paragraph 40.").wait_for(timeout=SOON)
    page.wait_for_function(f"{where}.scrollTop === 900")
    page.keyboard.press("d")
    page.wait_for_url("**scheme=dark**")
    page.wait_for_function(f"{where}.scrollTop === 900")


def test_the_keyboard_is_enough(page: Any, writing: Desk) -> None:
    writing.ok("subscribers", "add", "zoe@example.org", "--name", "Zoé Ångström", "--consent", "asked me")
    for key, url in (("2", "view=phone"), ("3", "view=text"), ("4", "view=headers"), ("1", "view=desktop")):
        page.keyboard.press(key)
        page.wait_for_url(f"**{url}**")
    for key, url in (
        ("d", "scheme=dark"),
        ("l", "scheme=light"),
        ("o", "pictures=off"),
        ("p", "pictures=on"),
    ):
        page.keyboard.press(key)
        page.wait_for_url(f"**{url}**")
    page.keyboard.press("/")
    page.keyboard.type("zoé")
    page.locator("#found a").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**as=id-1")
    mail(page).get_by_text("Dear Zoé, come in").wait_for(timeout=SOON)
    assert page.locator("#readers-menu summary").inner_text().endswith("Zoé Ångström")
    page.keyboard.press("j")
    page.wait_for_url("**/issue/2026-11-individual-vs-group?**as=id-1")
    page.keyboard.press("k")
    page.wait_for_url(f"**/issue/{SLUG}?**")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.id") == "side"
    with page.expect_request("**&again=1"):
        page.keyboard.press("r")
    page.go_back()
    page.wait_for_url("**/issue/2026-11-individual-vs-group?**")


def test_single_keys_can_be_switched_off(page: Any) -> None:
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.wait_for_timeout(300)
    assert "view=phone" not in page.url
    page.locator("#view-phone").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**view=phone**")


def test_keys_work_while_the_mail_has_the_focus(page: Any) -> None:
    mail(page).locator("body").click()
    page.keyboard.press("2")
    page.wait_for_url("**view=phone**")


def test_a_hostile_issue_neither_runs_nor_moves_the_page(page: Any, writing: Desk) -> None:
    writing.write(f"issues/{SLUG}.md", ISSUE + HOSTILE)
    mail(page).locator("#blank").wait_for(timeout=SOON)
    for name in ("js", "blank", "top"):
        mail(page).locator(f"#{name}").click()
        page.wait_for_timeout(300)
    for other in page.context.pages:
        assert "owned" not in other.title()
    assert "owned" not in page.title()
    assert page.url.split("?")[0].endswith(f"/issue/{SLUG}")
    assert (
        page.evaluate("document.querySelector('iframe:not(.coming)').sandbox.contains('allow-scripts')")
        is False
    )


def test_without_scripts_every_view_is_still_a_page(chromium: Any, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("link", name="Plain text").click()
    page.get_by_label("Plain text").wait_for()
    page.locator("#readers-menu summary").click()
    page.get_by_role("link", name="No name").click()
    page.get_by_text("Dear friend, come in.").wait_for()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 800, 1280])
def test_pages_fit_the_screen_and_everybody_can_use_them(
    chromium: Any, address: str, writing: Desk, width: int, scheme: str
) -> None:
    axe = npm_file("axe-core", "4.10.3", "axe.min.js").read_text("utf-8")
    writing.write("issues/2027-01-broken.md", "---\ntitle: " + "Long" * 40 + "\nhero: 5\n---\nHello")
    writing.write("issues/2027-02-finding.md", ISSUE + "\n{{ subscriber." + "long_word_" * 12 + " }}\n")
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        for path in (
            f"{SLUG}?as=long",
            f"{SLUG}?view=phone&scheme=dark",
            f"{SLUG}?view=text",
            f"{SLUG}?view=headers",
            f"{SLUG}?q=nobody",
            "2027-01-broken",
            "2027-02-finding",
        ):
            page.goto(f"{address}issue/{path}")
            page.locator("#live[data-state]").wait_for(timeout=SOON)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            page.evaluate(axe)
            found = page.evaluate(
                "axe.run(document, {iframes: false}).then(all => all.violations.map(v => "
                "[v.id, ...v.nodes.map(node => node.html.slice(0, 160))]))"
            )
            assert found == [], path
    finally:
        page.close()
