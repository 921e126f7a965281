"""Replies: written by anybody, shown when the owner says so, and a nuisance to nobody."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.compose.compiling import compile_issue
from newsletter.model import CampaignState
from newsletter.store import campaigns, replies
from newsletter.store.engine import reading

from .conftest import Pages

NOVEMBER = "2026-11-individual-vs-group"
PAGE = f"/archive/{NOVEMBER}.html"
FORM = f"/reply/{NOVEMBER}"


def shelve(pages: Pages) -> Pages:
    """Put November's letter on the web."""
    issue = compile_issue(pages.services.workspace, pages.services.workspace.issues / f"{NOVEMBER}.md")
    with pages.engine.begin() as connection:
        at = datetime(2026, 11, 3, 13, tzinfo=UTC)
        made = campaigns.create_campaign(connection, issue, segment="", now=at)
        since = [CampaignState.PLANNING]
        campaigns.move(connection, made.id, to=CampaignState.FINISHED, since=since, now=at)
    return pages


@pytest.fixture
def letters(make_pages: Any) -> Pages:
    """Pages with November's letter."""
    return shelve(make_pages())


def reply(pages: Pages, text: str = "Thank you.", *, client: str = "192.0.2.7", **more: str) -> Any:
    typed = {"text": text, "name": "Nadia", "email": "", "topic_url": "", **more}
    return pages.post(FORM, typed, client=client)


def waiting(pages: Pages) -> list[replies.Reply]:
    with reading(pages.engine) as connection:
        return replies.listed(connection)


def decide_link(pages: Pages) -> str:
    """Return the path in the newest mail to the owner."""
    body = pages.desk.mailbox()[-1].get_body(("plain",))
    assert body is not None
    return str(re.findall(r"https://news\.example\.org(/m/\S+)", body.get_content())[-1])


def test_a_reply_is_read_by_the_owner_first(pages: Pages) -> None:
    letters = shelve(pages)
    text = "What a <b>lovely</b> letter.\n\nhttps://example.org/song"
    answer = reply(letters, text, email="nadia@example.org")
    assert (answer.status_code, answer.headers["location"]) == (303, "/reply/sent")
    assert "Thank you for your reply" in letters.get("/reply/sent").text
    assert "lovely" not in letters.get(PAGE).text
    [mail] = letters.desk.mailbox()
    assert mail["To"].endswith("<hello@ignite.example.org>") and mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_body(("plain",))
    assert body is not None and "> What a <b>lovely</b> letter." in body.get_content()
    assert "nadia@example.org" in body.get_content()

    link = decide_link(letters)
    before = letters.dump()
    shown = letters.get(link)
    assert shown.status_code == 200 and "&lt;b&gt;lovely" in shown.text and letters.dump() == before
    assert shown.headers["cache-control"] == "no-store" and shown.headers["x-robots-tag"] == "noindex"
    assert letters.post(link, {"do": "approve"}).status_code == 200
    page = letters.get(PAGE).text
    assert "&lt;b&gt;lovely&lt;/b&gt;" in page and "1 reply" in page and "nadia@example.org" not in page
    assert '<a href="https://example.org/song" rel="nofollow ugc noopener">' in page
    assert letters.post(link, {"do": "delete"}).status_code == 200
    assert "lovely" not in letters.get(PAGE).text
    assert letters.get(link).status_code == letters.post(link, {"do": "approve"}).status_code == 410


def test_a_reader_from_their_own_mail_need_not_type_their_name(letters: Pages) -> None:
    ada = letters.add("ada@example.org", name="Ada Byron")
    key = letters.tokens.sign("w", ada, "k3xw9q")
    who = letters.ask("POST", "/reply/name", content=key.encode())
    assert (who.text, who.headers["cache-control"]) == ("Ada Byron", "no-store")
    assert reply(letters, name="", reader=key).status_code == 303
    [kept] = waiting(letters)
    assert (kept.name, kept.subscriber_id, kept.email) == ("Ada Byron", ada, "")
    assert "Ada Byron, a reader of the letter" in letters.get(decide_link(letters)).text
    assert reply(letters, "Again.", name="A.", reader=key).status_code == 303
    assert waiting(letters)[1].name == "A."


def test_no_other_link_is_a_key_and_the_key_is_no_other_link(letters: Pages) -> None:
    ada = letters.add("ada@example.org", name="Ada Byron")
    key = letters.tokens.sign("w", ada, "k3xw9q")
    for purpose in "upcm":
        other = letters.tokens.sign(purpose, ada, "k3xw9q")
        assert letters.ask("POST", "/reply/name", content=other.encode()).status_code == 404
        assert reply(letters, name="", reader=other).status_code == 422
        assert letters.get(f"/{purpose}/{key}").status_code == 404
        assert letters.post(f"/{purpose}/{key}", {"do": "approve"}).status_code == 404


def test_a_page_never_holds_anybodys_key_or_name(letters: Pages) -> None:
    ada = letters.add("ada@example.org", name="Ada Byron")
    key = letters.tokens.sign("w", ada, "k3xw9q")
    for path in (f"{PAGE}?{key}", f"{FORM}?reader={key}"):
        assert key not in letters.get(path).text and "Ada" not in letters.get(path).text


def test_what_cannot_be_taken_is_said_and_what_was_typed_is_kept(letters: Pages) -> None:
    for change, said in (
        ({"text": " \u200b "}, "write something"),
        ({"text": "x" * 4001}, "at most 4000"),
        ({"text": "https://a.example/ " * 200}, "leave out some links"),
        ({"name": " "}, "write a name"),
        ({"name": "www.casino.example"}, "write a name"),
        ({"email": "nobody"}, "not an e-mail address"),
    ):
        answer = letters.post(FORM, {"text": "My words.", "name": "Nadia", "email": "", **change})
        assert answer.status_code == 422 and said in answer.text and 'role="alert"' in answer.text
        assert ("My words." in answer.text) == ("text" not in change)
    assert waiting(letters) == [] and letters.desk.mailbox() == []


def test_a_hostile_reply_does_no_harm(letters: Pages) -> None:
    assert reply(letters, "x" * 1_000_000).status_code == 413
    assert reply(letters, "https://spam.example/ " * 1000).status_code in {413, 422}
    assert reply(letters, "é" * 4000, name="Änne").status_code == 303  # long, but no longer than we say
    hostile = "<script>alert(1)</script>\u202e<img src=x onerror=alert(1)>"
    assert reply(letters, hostile, name="<script>\u202eeve").status_code == 303
    assert letters.post(FORM, {f"f{n}": "" for n in range(300)}).status_code == 400
    assert letters.ask("POST", FORM, content=b"{}").status_code == 415
    assert letters.get("/archive/..%2f..%2fnewsletter.toml").status_code == 404
    for kept in waiting(letters):
        with letters.engine.begin() as connection:
            replies.approve(connection, kept.id, letters.now)
    page = letters.get(PAGE).text
    assert "<script>alert" not in page and "onerror=alert(1)&gt;" in page and "\u202e" not in page


def test_programs_are_thanked_and_not_heard(letters: Pages) -> None:
    assert reply(letters, topic_url="http://spam.example").headers["location"] == "/reply/sent"
    assert waiting(letters) == [] and letters.desk.mailbox() == []


def test_one_person_and_one_network_can_only_write_so_much(letters: Pages) -> None:
    mine = [reply(letters, f"{n}", email="eve@example.org", client=f"192.0.2.{n}") for n in range(4)]
    assert [answer.status_code for answer in mine] == [303, 303, 303, 429]
    assert "write to us by e-mail" in mine[-1].text
    network = [reply(letters, f"Here {n}", client="198.51.100.1").status_code for n in range(11)]
    assert network == [303] * 10 + [429]
    assert reply(letters, "Somebody else.", client="203.0.113.9").status_code == 303


def test_the_owner_is_not_flooded(letters: Pages) -> None:
    for number in range(25):
        reply(letters, f"Reply {number}", client=f"203.0.113.{number}")
    assert len(waiting(letters)) == 25 and len(letters.desk.mailbox()) == 20


def test_whoever_is_banned_is_thanked_and_not_heard(letters: Pages) -> None:
    reply(letters, "Spam", email="eve@example.org")
    link = decide_link(letters)
    assert "banned" in letters.post(link, {"do": "ban"}).text
    for client, email in (("192.0.2.7", ""), ("203.0.113.1", "EVE@example.org")):
        assert reply(letters, "More spam", email=email, client=client).status_code == 303
    assert waiting(letters) == []
    assert reply(letters, "Hello", client="203.0.113.2").status_code == 303 and len(waiting(letters)) == 1


def test_a_decision_that_is_none_changes_nothing(letters: Pages) -> None:
    reply(letters)
    link = decide_link(letters)
    before = letters.dump()
    assert letters.post(link, {"do": "publish"}).status_code == 400
    assert letters.post(link, {"say": "approve"}).status_code == 400
    assert letters.post(link[:-3] + "abc", {"do": "approve"}).status_code == 404
    assert letters.dump() == before


def test_the_owner_decides_on_the_command_line_too(letters: Pages) -> None:
    for text in ("One", "Two", "Three"):
        reply(letters, text)
    desk = letters.desk
    found = desk.json("replies", "list", "--waiting")["replies"]
    assert [each["text"] for each in found] == ["One", "Two", "Three"]
    one, two, three = (str(each["number"]) for each in found)
    assert desk.json("replies", "approve", one, "--dry-run")["count"] == 1
    assert "Nobody has replied" in letters.get(PAGE).text
    desk.ok("replies", "approve", one)
    assert "1 reply" in letters.get(PAGE).text
    assert desk.run("replies", "delete", two).exit_code == 2  # nobody to ask
    desk.ok("replies", "delete", two, "--yes")
    assert desk.json("replies", "ban", three, "--yes")["count"] == 1
    assert desk.run("replies", "approve", two).exit_code == 2
    assert [each["state"] for each in desk.json("replies", "list", NOVEMBER)["replies"]] == ["approved"]


def test_published_files_show_approved_replies_and_lead_to_the_form(letters: Pages) -> None:
    reply(letters, "Shown as of the last publish.")
    letters.desk.ok("replies", "approve", str(waiting(letters)[0].id))
    letters.desk.ok("archive", "build")
    page = (letters.desk.root / "out" / "archive" / PAGE[1:]).read_text("utf-8")
    assert "Shown as of the last publish." in page and "<textarea" not in page
    assert f'data-reply href="https://news.example.org{FORM}"' in page
    assert "<textarea" in letters.get(FORM).text


def test_without_comments_there_is_no_form_and_none_is_taken(make_pages: Any) -> None:
    letters = shelve(make_pages(NEWSLETTER_ARCHIVE__COMMENTS="false"))
    assert "<textarea" not in letters.get(PAGE).text and "reader-" not in letters.get(PAGE).text
    assert letters.get(FORM).status_code == reply(letters).status_code == 404
    assert letters.get("/reply/2026-12-nothing").status_code == 404
