"""The mailbox viewer shows what was sent, quickly, and as a mail program would."""

import os
import time
from email import message_from_bytes
from pathlib import Path

import pytest

from newsletter.preview.mail_files import Folder
from newsletter.preview.mailbox import mailbox_app

from .conftest import Browser, Deliver


def test_a_mailbox_without_a_folder_is_empty_and_says_how_to_fill_it(tmp_path: Path) -> None:
    page = Browser(mailbox_app(tmp_path / "none")).get("/")
    assert page.status_code == 200
    assert "No mail yet" in page.text
    assert "newsletter send" in page.text


def test_the_list_is_newest_first_with_subject_name_date_and_size(
    client: Browser, folder: Path, deliver: Deliver
) -> None:
    deliver("a.eml", subject="First")
    deliver("b.eml", subject="Second")
    os.utime(folder / "a.eml", (1_000, 1_000))
    page = client.get("/").text
    assert page.index("Second") < page.index("First")
    assert "2 messages" in page
    assert "3 Nov 2026, 09:00" in page
    assert ">Ada<" in page


def test_encoded_and_folded_headers_are_read_as_words(client: Browser, deliver: Deliver) -> None:
    deliver(
        subject="Zoë, " + "a rather long subject that is folded over lines, " * 3 + "déjà",
        to="طارق <t@example.org>",
    )
    page = client.get("/").text
    assert "Zoë, a rather long subject that is folded over lines, a rather" in page
    assert "déjà" in page
    assert "طارق" in page


def test_search_finds_every_word_in_any_order_and_case(client: Browser, deliver: Deliver) -> None:
    deliver("a.eml", subject="Songs that stay", to="Bob <bob@example.org>")
    deliver("b.eml", subject="Finding our rhythm")
    found = client.get("/", params={"q": "STAY bob"}).text
    assert "Songs that stay" in found
    assert "Finding our rhythm" not in found
    assert "Nothing found" in client.get("/", params={"q": "zzz"}).text


def test_long_lists_come_in_pages_that_keep_the_search(client: Browser, folder: Path) -> None:
    for number in range(120):
        (folder / f"{number:03}.eml").write_bytes(b"Subject: Letter %03d\r\n\r\nHi" % number)
        os.utime(folder / f"{number:03}.eml", ns=(number, number))
    first = client.get("/", params={"q": "letter"}).text
    assert "Letter 119" in first
    assert "Letter 069" not in first
    assert 'href="/?q=letter&amp;page=2"' in first
    last = client.get("/", params={"page": "99999"}).text
    assert "Page 3 of 3" in last
    assert "Letter 000" in last
    assert client.get("/", params={"page": "-1"}).text.count('class="mail"') == 50


@pytest.mark.parametrize(
    ("tab", "shown"),
    [
        ("text", "Hello in plain text"),
        ("headers", "hello@ignite.example.org"),
        ("source", "MIME-Version: 1.0"),
        ("html", "<iframe"),
        ("nonsense", "<iframe"),
    ],
)
def test_a_message_has_four_views(client: Browser, deliver: Deliver, tab: str, shown: str) -> None:
    assert shown in client.get(f"/mail/{deliver()}", params={"tab": tab}).text


def test_embedded_pictures_are_shown_from_the_message_itself(client: Browser, deliver: Deliver) -> None:
    body = client.get(f"/mail/{deliver()}/body").text
    assert 'src="data:image/png;base64,' in body
    assert "cid:" not in body


def test_a_message_leads_to_its_neighbours_and_keeps_the_view(
    client: Browser, folder: Path, deliver: Deliver
) -> None:
    for number, name in enumerate(("a.eml", "b.eml", "c.eml")):
        deliver(name)
        os.utime(folder / name, ns=(number, number))
    page = client.get("/mail/b.eml", params={"tab": "text", "scheme": "dark", "width": "phone"}).text
    assert 'href="/mail/a.eml?tab=text&amp;width=phone&amp;scheme=dark" data-key="j"' in page
    assert 'href="/mail/c.eml?tab=text&amp;width=phone&amp;scheme=dark" data-key="k"' in page
    assert "2 of 3" in page


def test_dark_and_light_answer_the_mails_own_media_queries(client: Browser, deliver: Deliver) -> None:
    html = "<head><style>@media (prefers-color-scheme: dark) { p { color: pink } }</style></head><p>Hi</p>"
    name = deliver(html=html)
    assert "@media (min-width: 0) { p" in client.get(f"/mail/{name}/body?scheme=dark").text
    assert "@media (max-width: 0) { p" in client.get(f"/mail/{name}/body?scheme=light").text


def test_the_download_is_the_file_byte_for_byte(client: Browser, folder: Path, deliver: Deliver) -> None:
    answer = client.get(f"/mail/{deliver()}/file")
    assert answer.content == (folder / "1.eml").read_bytes()
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert message_from_bytes(answer.content)["To"] == "Ada <ada@example.org>"


def test_the_list_page_can_ask_whether_new_mail_has_come(client: Browser, deliver: Deliver) -> None:
    before = client.get("/newest").json()
    deliver()
    assert client.get("/newest").json() != before


def test_a_message_that_was_deleted_meanwhile_is_a_plain_404(client: Browser) -> None:
    answer = client.get("/mail/gone.eml")
    assert answer.status_code == 404
    assert "no such message" in answer.text


def test_pages_need_nothing_from_elsewhere(client: Browser, deliver: Deliver) -> None:
    for address in (
        "/",
        f"/mail/{deliver()}",
        "/static/mailbox.css",
        "/static/mailbox.js",
        "/static/mailbox.svg",
    ):
        answer = client.get(address)
        assert answer.status_code == 200
        outside = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in outside
        assert "https://" not in outside


@pytest.mark.slow
def test_ten_thousand_messages_are_listed_at_once_and_searched_quickly(folder: Path) -> None:
    for number in range(10_000):
        (folder / f"{number:05}.eml").write_bytes(
            b"Subject: Letter %05d\r\nTo: a@example.org\r\n\r\nHi" % number
        )
    client = Browser(mailbox_app(folder))
    started = time.perf_counter()
    assert "10,000 messages" in client.get("/").text
    assert time.perf_counter() - started < 2
    reader = Folder(folder)
    reader.search("letter 09999")
    started = time.perf_counter()
    assert [entry[0] for entry in reader.search("letter 09999")] == ["09999.eml"]
    assert time.perf_counter() - started < 2
