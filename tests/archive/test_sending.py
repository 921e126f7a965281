"""Each mail links to its issue's page, and the page is there before the first mail leaves."""

import re
from pathlib import Path

import pytest

from newsletter.model import CompiledIssue, Person
from newsletter.personal.press import Press
from newsletter.tokens import Claim
from tests.workspaces import Desk, make_desk

from .conftest import BASE, NOVEMBER, PUBLIC, Bucket, Library

ADA = Person(id=7, email="ada@example.org", name="Ada Byron")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A workspace with one reader and an address on the web."""
    made = make_desk(tmp_path / "desk", **PUBLIC)
    made.ok("subscribers", "add", "ada@example.org", "--name", "Ada Byron", "--consent", "asked me")
    return made


def links(desk: Desk, part: str = "plain") -> list[str]:
    body = desk.mailbox()[0].get_body((part,))
    assert body is not None
    return re.findall(rf"{BASE}/archive/[^\s\"<]+", body.get_content())


def test_each_mail_links_to_a_page_that_is_there(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    for part in ("plain", "html"):
        [link] = links(desk, part)
        address, _, key = link.partition("#")
        path = desk.root / "out" / "archive" / address.removeprefix(f"{BASE}/")
        assert "Individual vs. group" in path.read_text("utf-8")
        assert key.startswith("w.1.")
    assert desk.json("archive", "build")["written"] == []  # the same page as of the ledger, to the second


def test_the_key_in_the_link_says_who_it_is_and_opens_nothing_else(library: Library) -> None:
    tokens = library.services.tokens
    letter = _letter(library, library.model)
    [key] = set(re.findall(r"html#(w\.7\.k3xw9q\.[\w-]{43})", letter))
    assert tokens.read(key) == Claim("w", 7, "k3xw9q")
    assert not set(re.findall(r"#w\.[^\s\"<]+", letter)) - {f"#{key}"}


def test_bulk_mail_links_there_too(library: Library) -> None:
    services = library.services
    press = Press("bulk", library.model, services.settings, services.tokens, "k3xw9q", services.clock)
    values = " ".join(press.letter(ADA, {}).values.values())
    assert f"{BASE}/archive/{NOVEMBER}.html#w.7.k3xw9q." in values


def _letter(library: Library, issue: CompiledIssue) -> str:
    services = library.services
    press = Press("raw", issue, services.settings, services.tokens, "k3xw9q", services.clock)
    mime = press.letter(ADA, {"campaign": "c", "delivery": "1", "attempt": "1"}).mime
    return mime.replace(b"=\r\n", b"").decode()


def test_a_page_that_cannot_be_published_stops_the_send(desk: Desk) -> None:
    desk.write("out/archive/archive", "a file where the folder should be")
    result = desk.run("send", NOVEMBER, "--yes")
    assert result.exit_code == 6 and "archive" in result.stderr
    assert desk.mailed() == [] and desk.json("status")["campaigns"] == []
    (desk.root / "out" / "archive" / "archive").unlink()
    desk.ok("send", NOVEMBER, "--yes")
    assert desk.mailed() == ["ada@example.org"]


@pytest.mark.slow
def test_a_bucket_that_refuses_stops_the_send(desk: Desk, bucket: Bucket) -> None:
    env = {**bucket.env, "NEWSLETTER_ARCHIVE__S3_BUCKET": "nowhere"}
    result = desk.run("send", NOVEMBER, "--yes", **env)
    assert result.exit_code == 6 and "nowhere" in result.stderr
    assert desk.mailed() == [] and desk.json("status")["campaigns"] == []
    desk.ok("send", NOVEMBER, "--yes", **bucket.env)
    assert f"archive/{NOVEMBER}.html" in bucket.held() and desk.mailed() == ["ada@example.org"]


def test_an_issue_that_is_not_public_has_no_page_and_no_link(desk: Desk) -> None:
    path = desk.root / "issues" / f"{NOVEMBER}.md"
    path.write_text(path.read_text("utf-8").replace("\nauthor:", "\npublic: false\nauthor:", 1), "utf-8")
    desk.ok("send", NOVEMBER, "--yes")
    assert links(desk) == links(desk, "html") == []
    assert desk.json("archive", "build")["issues"] == 0
    assert not (desk.root / "out" / "archive" / "archive" / f"{NOVEMBER}.html").exists()


@pytest.mark.parametrize("wrong", ["maybe", '"false"', "1", "[no]"])
def test_public_is_true_or_false(desk: Desk, wrong: str) -> None:
    path = desk.root / "issues" / f"{NOVEMBER}.md"
    path.write_text(path.read_text("utf-8").replace("\nauthor:", f"\npublic: {wrong}\nauthor:", 1), "utf-8")
    result = desk.run("check", NOVEMBER)
    assert result.exit_code == 4
    assert re.search(rf"{NOVEMBER}\.md:\d+: public is .*, not true or false", result.stderr)


def test_a_test_mail_publishes_no_page(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--test", "me@example.org")
    assert len(links(desk)) == 1
    assert not (desk.root / "out" / "archive" / "archive").exists()


def test_without_an_address_there_is_neither_page_nor_link(tmp_path: Path) -> None:
    desk = make_desk(tmp_path / "plain")
    desk.ok("subscribers", "add", "ada@example.org", "--consent", "asked me")
    desk.ok("send", NOVEMBER, "--yes")
    assert not (desk.root / "out").exists()
    body = desk.mailbox()[0].get_body(("plain",))
    assert body is not None and "browser" not in body.get_content()
