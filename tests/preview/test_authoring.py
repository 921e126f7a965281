"""The authoring view shows an issue in every way a reader may see it, and what is wrong with it."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.people.adding import add_subscriber
from newsletter.preview import readers
from newsletter.preview.letters import inbox_words
from newsletter.preview.readers import READERS
from newsletter.tokens import Tokens
from tests.workspaces import Desk

from .conftest import ISSUE, SLUG, Browser, ViewOf

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
PAGE = f"/issue/{SLUG}"
MAIL = f"/issue/{SLUG}/mail"


def seen(text: str) -> str:
    """Return a page's text as a person reads it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


# -- where it begins ------------------------------------------------------------------------------


def test_it_begins_with_the_latest_issue_or_the_one_that_was_named(
    author: Browser, writing: Desk, view_of: ViewOf
) -> None:
    assert author.get("/").headers["location"].startswith(f"/issue/{SLUG}?")
    named = view_of(writing, first="2026-10-songs-that-stay")
    assert named.get("/").headers["location"].startswith("/issue/2026-10-songs-that-stay?")


def test_a_workspace_without_issues_says_how_to_write_one(author: Browser, writing: Desk) -> None:
    for path in (writing.root / "issues").glob("*.md"):
        path.unlink()
    assert "newsletter new" in author.get("/").text


def test_all_issues_can_be_chosen_newest_first_also_those_that_are_broken(
    author: Browser, writing: Desk
) -> None:
    writing.write("issues/2027-01-broken.md", "no front matter")
    page = author.get(PAGE).text
    assert page.index("issue-2027-01-broken") < page.index(f"issue-{SLUG}") < page.index("issue-2026-11-")
    assert 'id="newer" rel="prev" href="/issue/2027-01-broken?' in page
    assert 'id="older" rel="next" href="/issue/2026-11-individual-vs-group?' in page


def test_an_issue_that_is_gone_is_named_with_its_nearest_neighbour(author: Browser) -> None:
    answer = author.get("/issue/2026-12-lantern")
    assert answer.status_code == 404
    assert f'Did you mean "{SLUG}"?' in seen(answer.text)
    assert f'href="/issue/{SLUG}?' in answer.text


# -- views ----------------------------------------------------------------------------------------


def test_phone_and_desktop_show_the_same_mail_in_another_width(author: Browser) -> None:
    frames = [
        re.search(r'<iframe src="([^"]+)"', author.get(PAGE, {"view": view}).text)
        for view in ("desktop", "phone")
    ]
    assert all(frames)
    sources = [frame[1].replace("view=phone", "view=desktop") for frame in frames if frame]
    assert sources[0] == sources[1]
    assert 'class="stage phone light"' in author.get(PAGE, {"view": "phone"}).text


def test_pictures_travel_inside_the_frame_or_not_at_all(author: Browser) -> None:
    shown, hidden = author.get(MAIL), author.get(MAIL, {"pictures": "off"})
    assert 'src="data:image/png;base64,' in shown.text
    assert "cid:" not in shown.text + hidden.text
    assert "base64" not in hidden.text
    assert 'alt="A lantern"' in hidden.text
    assert "img-src data: https:;" in shown.headers["content-security-policy"]
    assert "img-src data:;" in hidden.headers["content-security-policy"]


def test_dark_and_light_answer_the_mails_own_media_queries(author: Browser) -> None:
    assert "color-scheme: dark !important" in author.get(MAIL, {"scheme": "dark"}).text
    assert "color-scheme: light !important" in author.get(MAIL, {"scheme": "light"}).text
    assert "prefers-color-scheme" not in author.get(MAIL).text


def test_the_plain_text_part_is_shown_as_it_goes_out(author: Browser) -> None:
    page = author.get(PAGE, {"view": "text"}).text
    assert "IGNITE MUSIC THERAPY\n" in page
    assert "Dear Robin, come in." in page


def test_headers_are_those_of_the_message_one_click_unsubscribe_included(
    writing: Desk, view_of: ViewOf
) -> None:
    address = "https://news.ignite.example.org"
    desk = Desk(writing.root, {**writing.env, "NEWSLETTER_NEWSLETTER__PUBLIC_URL": address})
    with_pages = seen(view_of(desk).get(PAGE, {"view": "headers"}).text)
    assert f"List-Unsubscribe <{address}/u/u.0.preview." in with_pages
    assert "List-Unsubscribe-Post List-Unsubscribe=One-Click" in with_pages
    assert "Subject Robin, bring a light" in with_pages
    assert "To reader@example.org" in with_pages
    assert "Feedback-ID" in with_pages


def test_without_web_pages_the_headers_say_why_there_is_no_one_click(author: Browser) -> None:
    page = seen(author.get(PAGE, {"view": "headers"}).text)
    assert "List-Unsubscribe <mailto:unsubscribe@ignite.example.org?subject=unsubscribe%20u.0" in page
    assert "There is no one-click unsubscribe (List-Unsubscribe-Post) until public_url is set" in page


def test_the_inbox_line_is_sender_subject_and_preheader(author: Browser) -> None:
    page = author.get(PAGE).text
    inbox = page[page.index('id="inbox"') : page.index('id="paper"')]
    assert seen("<p " + inbox).startswith(
        "I Ignite Music Therapy Robin, bring a light Why we sing when it is"
    )


def test_without_a_preheader_the_inbox_shows_the_first_words_of_the_body() -> None:
    head = "<html><head><title>T</title></head><body><style>x</style>"
    assert inbox_words(f"{head}<!--[if mso]>no<![endif]--><h1>Songs</h1><p>Come") == "Songs Come"
    assert inbox_words("<body><div>Hidden &#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;</div><p>Body</p>") == "Hidden"
    assert inbox_words("") == ""
    assert len(inbox_words("<body>" + "word " * 10_000)) <= 200


def test_size_is_measured_against_gmails_limit(author: Browser, writing: Desk) -> None:
    assert re.search(r"\d+ KB of HTML; Gmail cuts at 102 KB", seen(author.get(PAGE).text))
    writing.write(f"issues/{SLUG}.md", ISSUE + "\nA long word after another. " * 5_000)
    page = seen(author.get(PAGE, {"again": "1"}).text)
    assert "is hidden from Gmail's readers" in page
    assert "Gmail cuts messages at 102 KB" in page  # what the check says


# -- readers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "greeting"),
    [
        ("example", "Dear Robin,"),
        ("nameless", "Dear friend,"),
        ("long", "Dear Maximiliana-Wolfeschlegelsteinhausenbergerdorff-Featherstone,"),
        ("rtl", "Dear طارق,"),
        ("markup", 'Dear &lt;b&gt;Ann&lt;/b&gt;&amp;&#34;Co&#34;,'),
        ("all-tags", "The drum circle meets on Tuesday."),
        ("id-999", "Dear Robin,"),
        ("id-99999999999999999999", "Dear Robin,"),
        ("../secret", "Dear Robin,"),
    ],
)  # fmt: skip
def test_an_issue_is_shown_to_the_worst_readers_too(author: Browser, reader: str, greeting: str) -> None:
    assert greeting in author.get(MAIL, {"as": reader}).text


def test_the_long_name_has_sixty_letters_and_none_of_the_readers_is_anybody() -> None:
    assert len(READERS["long"].person.name) == 60
    assert {reader.person.id for reader in READERS.values()} == {0}


def test_without_tags_conditional_parts_are_left_out(author: Browser) -> None:
    assert "drum circle" not in author.get(MAIL).text


PEOPLE = (
    ("ada@example.org", "Ada Byron", "families"),
    ("zoe_a@example.org", "Zoé Ångström", "group"),
    ("zoexa@example.com", "100% Zed", "families"),
    ("gone@example.org", "Cyd Left", "families"),
)


def fill(engine: Engine) -> None:
    for address, name, tag in PEOPLE:
        add_subscriber(engine, address, name=name, tags=[tag], consent="asked me", clock=lambda: NOON)


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("byron", ["Ada Byron"]),
        ("BYRON ada", ["Ada Byron"]),
        ("ada@example.org", ["Ada Byron"]),
        ("ÅNGSTRÖM", ["Zoé Ångström"]),
        ("zoé", ["Zoé Ångström"]),
        ("zoe_a", ["Zoé Ångström"]),
        ("100%", ["100% Zed"]),
        ("example.org", ["Ada Byron", "Zoé Ångström", "Cyd Left"]),
        ("nobody", []),
        ("\0", []),
        (" ", []),
    ],
)
def test_the_list_is_searched_by_name_or_address_on_both_databases(
    engine: Engine, words: str, who: list[str]
) -> None:
    fill(engine)
    assert [reader.label for reader in readers.search(engine, words)] == who


def test_any_subscriber_can_be_the_reader_on_both_databases(engine: Engine) -> None:
    fill(engine)
    assert readers.everyones_tags(engine) == ["families", "group"]
    [found] = readers.search(engine, "zoé")
    reader = readers.subscriber(engine, found.key)
    assert reader
    assert (reader.person.name, list(reader.person.tags), reader.person.id) == ("Zoé Ångström", ["group"], 0)
    for key in ("id-0", "id-99", "id-", "id--1", "id-²", "id-99999999999999999999", "ada@example.org"):
        assert readers.subscriber(engine, key) is None


def test_a_subscriber_is_found_and_read_as_and_no_link_is_theirs(author: Browser, writing: Desk) -> None:
    for address, name, tag in PEOPLE:
        writing.ok("subscribers", "add", address, "--name", name, "--tag", tag, "--consent", "asked me")
    writing.ok("subscribers", "unsubscribe", "gone@example.org")
    assert "Nobody on the list has" in author.get(PAGE, {"q": "nobody"}).text
    assert "gone@example.org, unsubscribed, families" in author.get(PAGE, {"q": "cyd"}).text
    key = re.search(r'id="as-(id-\d+)"', author.get(PAGE, {"q": "ångström"}).text)
    assert key
    page = author.get(PAGE, {"as": key[1], "view": "headers"}).text
    assert "Subject Zoé, bring a light" in seen(page)
    assert "To zoe_a@example.org" in seen(page)
    assert "drum circle" in author.get(MAIL, {"as": key[1]}).text
    token = re.search(r"unsubscribe%20([\w.-]+)", page)
    assert token
    assert token[1].startswith("u.0.preview.")
    assert Tokens(["s" * 40]).read(token[1]) is None  # not even signed with the newsletter's key


# -- findings and faults --------------------------------------------------------------------------


def test_findings_stand_beside_the_page_gravest_first_with_their_line(author: Browser, writing: Desk) -> None:
    writing.write(f"issues/{SLUG}.md", ISSUE.replace("come in.", "come in, {{ subscriber.frist_name }}."))
    page = author.get(PAGE, {"again": "1"}).text
    side = page[page.index('id="side"') :]
    levels = re.findall(r'<li class="(\w+)">', side)
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert levels[0] == "error"
    text = seen(side)
    assert f"issues/{SLUG}.md:6 No subscriber has a field frist_name. Did you mean" in text
    assert (
        "6 Dear {{ subscriber.first_name | default('friend') }}, come in, {{ subscriber.frist_name }}."
        in text
    )
    assert "<title>✗ Lanterns" in page
    assert "<iframe" in page  # it is shown all the same


def test_notes_are_folded_away_so_that_they_hide_nothing(author: Browser, writing: Desk) -> None:
    without = ISSUE.replace("preheader: Why we sing when it is dark.\n", "")
    writing.write(f"issues/{SLUG}.md", without)
    page = author.get(PAGE, {"again": "1"}).text
    folded = page[page.index('<details class="notes"') :]
    assert 'class="note"' in folded
    assert 'class="note"' not in page[: page.index('<details class="notes"')]


LAYOUT = "templates/monthly/layout.mjml.j2"
BREAKAGES = {
    "front matter": (f"issues/{SLUG}.md", "title: Lanterns", "title: [Lanterns", f"issues/{SLUG}.md:"),
    "Jinja": (f"issues/{SLUG}.md", "{% if 'group'", "{% fi 'group'", f"issues/{SLUG}.md:10"),
    "a picture": (f"issues/{SLUG}.md", "images/drum", "images/dram", f"issues/{SLUG}.md:14"),
    "a template's Jinja": (LAYOUT, "<mj-head>", "<mj-head>{{ issue.titel }}", f"{LAYOUT}:"),
    "a template's MJML": (LAYOUT, "</mj-body>", "<mj-sectoin /></mj-body>", f"{LAYOUT}:"),
    "a setting": ("newsletter.toml", "reply_to", "reply_two", "newsletter.toml:"),
    "the settings' TOML": ("newsletter.toml", 'kind = "mailbox"', "kind = mailbox", "newsletter.toml:"),
}  # fmt: skip


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_an_error_is_shown_with_file_line_and_hint_and_goes_when_it_is_mended(
    author: Browser, writing: Desk, breakage: str
) -> None:
    file, good, bad, where = BREAKAGES[breakage]
    source = (writing.root / file).read_text("utf-8")
    assert good in source
    writing.write(file, source.replace(good, bad, 1))
    answer = author.get(PAGE, {"again": "1"})
    fault = answer.text[answer.text.index('class="fault"') : answer.text.index("</section>\n  </div>")]
    assert answer.status_code == 200
    assert where in fault
    assert re.search(r'class="row here">', fault)
    assert re.search(r'class="mend">\s*\S', fault)
    assert "Traceback" not in answer.text
    assert "<iframe" not in answer.text
    assert author.get(MAIL).status_code == 404
    writing.write(file, source)
    mended = author.get(PAGE, {"again": "1"}).text
    assert 'class="fault"' not in mended
    assert "<iframe" in mended


def test_settings_are_read_again_when_they_change(author: Browser, writing: Desk) -> None:
    assert "Ignite Music Therapy" in author.get(MAIL).text
    settings = (writing.root / "newsletter.toml").read_text("utf-8")
    writing.write("newsletter.toml", settings.replace('name = "Ignite Music Therapy"', 'name = "Embers"'))
    author.get(PAGE, {"again": "1"})
    assert ">Embers<" in author.get(MAIL).text


def test_an_issue_is_shown_also_when_the_list_cannot_be_read(author: Browser, writing: Desk) -> None:
    (writing.root / "subscribers").mkdir(exist_ok=True)
    (writing.root / "subscribers" / "newsletter.db").write_text("this is no database" * 100)
    page = author.get(PAGE, {"q": "ada"}).text
    assert "<iframe" in page
    assert "Subscriber fields were not checked: The database file is not an SQLite database" in page
    assert "The list cannot be read." in page
    assert "Dear Robin" in author.get(MAIL, {"as": "all-tags"}).text


def test_merge_fields_are_listed_with_what_the_reader_has(author: Browser) -> None:
    assert "first_name Robin" in seen(author.get(PAGE).text)
    assert "first_name none: its default" in seen(author.get(PAGE, {"as": "nameless"}).text)


def test_pages_need_nothing_from_elsewhere(author: Browser) -> None:
    for address in (PAGE, "/static/author.css", "/static/author.js", "/static/author.svg"):
        answer = author.get(address)
        assert answer.status_code == 200
        assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace(
            "[text](https://…)", ""
        )


def test_the_command_refuses_an_issue_that_is_not_there(writing: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "2026-12-outside.md"
    outside.write_text(ISSUE)
    for ref in ("2026-12-lantern", str(outside), "newsletter.toml"):
        result = writing.run("preview", ref)
        assert result.exit_code == 2
        assert "There is no issue" in result.stderr
