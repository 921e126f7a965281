"""premailer puts our CSS into style attributes, leaves everything else alone, and never uses the network."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mjml import mjml2html

from newsletter.compose.inlining import inline_css

from .conftest import Bench


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A web server: its address, and the list of what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"p { color: red }")

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_address_in_an_issue_or_a_template_is_fetched(bench: Bench, asked: tuple[str, list[str]]) -> None:
    url, paths = asked
    bench.layout(
        f'<mj-section background-url="{url}/bg.png"><mj-column><mj-text '
        f'font-family="F"><link rel="stylesheet" href="{url}/link.css" />'
        f"<style>@import url({url}/content.css);</style>{{{{ "
        f"issue.lead[0].html }}}}</mj-text></mj-column></mj-section>",
        f'<mj-font name="F" href="{url}/font.css" />'
        f'<mj-style inline="inline">@import url({url}/inline.css); '
        f"p {{ margin: 3px; background: url({url}/p.png) }}</mj-style>"
        f"<mj-style>@import url({url}/style.css);</mj-style>",
    )
    bench.picture("issues/a.jpg")
    page = bench.compile(
        f"Hi <img src='{url}/i.png'> [l]({url}/page)\n\n<link rel=stylesheet href={url}/own.css>"
    ).html()
    assert "margin:3px" in page and f"{url}/font.css" in page
    assert paths == []


def test_no_file_is_read_either(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "secret.css").write_text("p { color: rgb(1, 2, 3) }")
    css = f"@import url(file://{tmp_path}/secret.css);"
    page = inline_css(
        f"<html><head><link rel='stylesheet' href='file://{tmp_path}/secret.css'></head><p>x</p></html>", css
    )
    assert "rgb(1" not in page


def test_mjmls_own_styles_and_outlooks_comments_are_kept_as_they_are() -> None:
    head = (
        "<mj-style>@media (prefers-color-scheme: dark) { p { "
        "color: #fff !important } }\n[data-ogsc] p { color: #eee }\n"
        "@supports (display: grid) { p { color: #ddd } } a:hover { color: #ccc }</mj-style>"
    )
    body = "<mj-section><mj-column width='50%'><mj-text><p class='x'>y</p></mj-text></mj-column></mj-section>"
    before = mjml2html(f"<mjml><mj-head>{head}</mj-head><mj-body>{body}</mj-body></mjml>")
    after = inline_css(before, ".x { color: #010203 !important; margin: 0 }")
    assert after.startswith("<!DOCTYPE html>")
    for kept in ("prefers-color-scheme", "[data-ogsc]", "@supports", "a:hover", "@import url(", "#outlook a"):
        assert kept in before and kept in after
    assert after.count("!important") == before.count("!important") + 1
    assert after.count("<!--[if mso | IE]>") == before.count("<!--[if mso | IE]>")
    assert "data-premailer" not in after
    assert '<p class="x" style="margin:0; color:#010203 !important">' in after


def test_a_page_without_css_of_ours_changes_in_nothing_but_spelling() -> None:
    page = (
        '<!doctype html><html><head><style>p{color:red}</style></head><body><p width="3">x</p></body></html>'
    )
    assert inline_css(page, "").replace("\n", "") == page.replace("doctype", "DOCTYPE")
