"""Mail is trusted with nothing: it cannot run, fetch, escape its frame, or reach other files."""

from pathlib import Path

import pytest

from newsletter.preview.mailbox import mailbox_app

from .conftest import Browser, Deliver

SCRIPT = "<script>alert(1)</script>"


def test_mail_is_shown_in_a_sandbox_without_scripts(client: Browser, deliver: Deliver) -> None:
    name = deliver(html=f'<html><body>{SCRIPT}<img src="https://tracker.example.com/p.gif"></body></html>')
    policy = client.get(f"/mail/{name}/body").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy  # so default-src rules: no script at all
    assert "img-src data:;" in policy  # no tracker is ever asked
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    frame = client.get(f"/mail/{name}").text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame
    assert "allow-scripts" not in frame
    assert "allow-same-origin" not in frame


def test_script_in_headers_text_and_source_is_shown_as_text(client: Browser, deliver: Deliver) -> None:
    name = deliver(subject=f"Hi {SCRIPT}", to=f'"{SCRIPT}" <a@example.org>', text=SCRIPT)
    for address in ("/", *(f"/mail/{name}?tab={tab}" for tab in ("html", "text", "headers", "source"))):
        page = client.get(address).text
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


def test_our_own_pages_run_only_our_own_script(client: Browser, deliver: Deliver) -> None:
    for address in ("/", f"/mail/{deliver()}", "/mail/none.eml"):
        policy = client.get(address).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe-inline" not in policy


def test_a_hostile_search_is_shown_as_text(client: Browser) -> None:
    page = client.get("/", params={"q": '"><script>alert(1)</script>'}).text
    assert SCRIPT not in page


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe garbage",
        b"Subject: =?utf-8?B?!!!?=\r\nDate: yesterday\r\n\r\nHi",
        b"Subject: =?nonsense-charset?Q?=FF?=\r\nDate: Mon, 99 Foo 99999 99:99:99 +9999\r\n\r\nHi",
        b"Content-Type: multipart/alternative\r\n\r\nno boundary",
        b"Content-Type: text/html; charset=klingon\r\n\r\n<p>caf\xe9",
        b"Content-Type: text/html; charset=base64\r\n\r\n<p>codec that is not for text",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n====not base64====",
        b"Content-Type: a/b; name*=bad''%ff\r\nContent-Disposition: attachment; filename*=x'y\r\n\r\nHi",
        b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nHi",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/x\r\n\r\n--a\r\n",
        b"To: \xe2\x28\xa1\r\nSubject: \xff\xff\r\n\r\n\xff",
    ],
)  # fmt: skip
def test_broken_mail_is_shown_as_well_as_can_be(client: Browser, folder: Path, content: bytes) -> None:
    (folder / "broken.eml").write_bytes(content)
    assert client.get("/").status_code == 200
    for tab in ("html", "text", "headers", "source"):
        assert client.get(f"/mail/broken.eml?tab={tab}").status_code == 200
    assert client.get("/mail/broken.eml/body").status_code in (200, 404)


@pytest.mark.parametrize(
    "name",
    [
        "..%2Fsecret.eml",
        "%2e%2e%2fsecret.eml",
        "..%5Csecret.eml",
        "%2Fetc%2Fpasswd",
        "....//secret.eml",
        "secret.txt",
        ".%00.eml",
        "a" * 3000 + ".eml",
        "folder.eml",
        "link.eml",
    ],
)
@pytest.mark.parametrize("page", ["", "/body", "/file"])
def test_no_name_reaches_outside_the_folder(client: Browser, folder: Path, name: str, page: str) -> None:
    (folder.parent / "secret.eml").write_bytes(b"Subject: SECRET\r\n\r\nSECRET")
    (folder / "secret.txt").write_text("SECRET")
    (folder / "folder.eml").mkdir()
    (folder / "link.eml").symlink_to(folder.parent / "secret.eml")
    answer = client.get(f"/mail/{name}{page}")
    assert answer.status_code == 404
    assert "SECRET" not in answer.text
    assert "link.eml" not in client.get("/").text


def test_another_host_name_is_refused_so_that_no_site_can_read_the_mailbox(
    folder: Path, deliver: Deliver
) -> None:
    deliver()
    rebound = Browser(mailbox_app(folder), host="evil.example.com")
    assert rebound.get("/").status_code == 400


def test_unsafe_picture_kinds_are_not_embedded(client: Browser, folder: Path) -> None:
    (folder / "svg.eml").write_bytes(
        b"Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
        b'Content-Type: text/html\r\n\r\n<img src="cid:a">\r\n'
        b"--x\r\nContent-Type: image/svg+xml\r\nContent-ID: <a>\r\n\r\n<svg><script/></svg>\r\n--x--\r\n"
    )
    assert "data:" not in client.get("/mail/svg.eml/body").text
