"""How the pages stand in the world: their headers and paths, a proxy before them, a monitor beside them."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from newsletter.archive.words import Words, languages, texts
from newsletter.checks.colours import contrast, palette, read_colour
from newsletter.errors import ConfigError, IssueError
from newsletter.people.joining import LONGEST_NAME
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.web import app_from_env
from newsletter.web.app import web_app
from newsletter.wiring import Services
from tests.workspaces import make_desk

from .conftest import Pages

EVERYWHERE = ("/subscribe", "/health", "/style.css", "/logo", "/nothing", "/images/none.png", "/")


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_forbids_what_pages_do_not_need(pages: Pages, path: str) -> None:
    answer = pages.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ") and "script" not in policy and "http" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text and "style=" not in answer.text


@pytest.mark.parametrize("path", ["/subscribe", "/u/TOKEN", "/p/TOKEN", "/c/TOKEN", "/health"])
def test_other_methods_are_answered_and_do_nothing(pages: Pages, path: str) -> None:
    ada = pages.add("ada@example.org")
    path = path.replace("/TOKEN", pages.token(path[1], ada)[2:])
    before = pages.dump()
    options = pages.ask("OPTIONS", path)
    assert options.status_code == 204 and "GET" in options.headers["allow"] and not options.content
    head, get = pages.ask("HEAD", path), pages.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        assert pages.ask(method, path).status_code == 405
    assert pages.dump() == before


def test_a_body_that_is_too_long_is_refused_before_it_is_read(pages: Pages) -> None:
    assert pages.subscribe("ada@example.org", name="x" * 20_000).status_code == 413
    assert pages.ask("POST", "/subscribe", content=b"{}").status_code == 415
    assert pages.post("/subscribe", {f"f{n}": "" for n in range(300)}).status_code == 400
    assert pages.dump()["subscribers"] == []


def test_health_says_whether_the_database_answers(make_pages: Any, tmp_path: Path) -> None:
    pages = make_pages()
    assert (pages.get("/health").status_code, pages.get("/health").json()) == (200, {"status": "ok"})
    database = pages.desk.root / "subscribers" / "newsletter.db"
    pages.engine.dispose()
    for file in database.parent.glob("newsletter.db*"):
        file.unlink()
    database.mkdir()
    sick = pages.get("/health")
    assert (sick.status_code, sick.json()) == (503, {"status": "database unavailable"})
    page = pages.subscribe("ada@example.org")
    assert page.status_code == 503 and page.headers["retry-after"] == "300"
    assert "Nothing is lost" in page.text


@pytest.mark.parametrize("taken_off", [True, False])
def test_below_a_path_whether_or_not_a_proxy_takes_it_off(make_pages: Any, taken_off: bool) -> None:
    pages = make_pages(NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://news.example.org/our/news/")
    before = "" if taken_off else "/our/news"
    form = pages.get(f"{before}/subscribe").text
    assert 'action="/our/news/subscribe"' in form and 'href="/our/news/style.css?' in form
    sent = pages.post(f"{before}/subscribe", {"email": "ada@example.org"})
    assert sent.headers["location"] == "/our/news/subscribe/sent"
    link = pages.link(pages.desk.mailbox()[0])
    assert link.startswith("/our/news/c/")
    confirmed = pages.post(before + link.removeprefix("/our/news"))
    assert 'href="/our/news/p/' in confirmed.text
    assert pages.who("ada@example.org").subscriber.status == "confirmed"


def test_inside_of_another_application(make_pages: Any) -> None:
    pages = make_pages()
    pages.app = Starlette(routes=[Mount("/letters", pages.app)])
    assert 'action="/letters/subscribe"' in pages.get("/letters/subscribe").text


def test_only_a_proxy_that_is_named_is_believed(make_pages: Any) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9, 10.1.2.3"}
    for settings, seen in (
        ({}, "10.1.2.3"),
        ({"NEWSLETTER_WEB__TRUSTED_PROXIES": '["192.0.2.1"]'}, "10.1.2.3"),
        ({"NEWSLETTER_WEB__TRUSTED_PROXIES": '["10.0.0.0/8"]'}, "203.0.113.9"),
    ):
        pages = make_pages(**settings)
        pages.subscribe("ada@example.org", headers=forwarded, client="10.1.2.3")
        assert pages.who("ada@example.org").consent[0].ip == seen


@pytest.mark.parametrize(
    "forged", ["", "nonsense", "1.2.3.4:99999999", "\x00", "a" * 4000, "::1%eth0", ",,,"]
)
def test_a_forged_address_is_no_address(make_pages: Any, forged: str) -> None:
    pages = make_pages(NEWSLETTER_WEB__TRUSTED_PROXIES='["10.0.0.0/8"]')
    answer = pages.subscribe("ada@example.org", headers={"X-Forwarded-For": forged}, client="10.1.2.3")
    assert answer.status_code == 303
    assert pages.who("ada@example.org").consent[0].ip in {"", "::1", "10.1.2.3", "1.2.3.4"}


def test_published_pictures_are_shown_and_nothing_else_of_the_folder(pages: Pages) -> None:
    pages.desk.write("out/archive/images/a-1.png", "picture")
    pages.desk.write("out/archive/images/.hidden", "no")
    pages.desk.write("out/archive/secret.txt", "no")
    shown = pages.get("/images/a-1.png")
    assert (shown.text, shown.headers["content-type"]) == ("picture", "image/png")
    assert "immutable" in shown.headers["cache-control"]
    for path in (".hidden", "..%2fsecret.txt", "../secret.txt", "%00", "a-1.png%00", "x" * 300, "a-1.png/"):
        assert pages.get(f"/images/{path}").status_code == 404


def test_the_pages_speak_the_newsletters_language(make_pages: Any) -> None:
    pages = make_pages(NEWSLETTER_NEWSLETTER__LANGUAGE="de-AT")
    form = pages.get("/subscribe").text
    assert '<html lang="de">' in form and "Abonnieren" in form
    pages.subscribe("ada@example.org")
    [mail] = pages.desk.mailbox()
    assert str(mail["Subject"]).startswith("Bitte bestätigen") and mail["Content-Language"] == "de"
    pages.post(pages.link(mail))
    assert pages.who("ada@example.org").consent[-1].text_version.startswith("de-")
    assert Words("fi-FI").language == "en"


@pytest.mark.parametrize("language", sorted(languages()))
def test_each_language_says_everything_with_the_same_names(language: str) -> None:
    for key, english in texts("en").items():
        if key not in {"bad_address", "unsendable"}:  # reasons come in English only
            here = texts(language)[key]
            assert here and sorted(re.findall(r"{\w+}", here)) == sorted(re.findall(r"{\w+}", english)), key
    assert texts(language).keys() == texts("en").keys()
    assert LONGEST_NAME < 16_384


@pytest.mark.parametrize(
    "brand", ["#24595c", "#000000", "#ffffff", "#ffdd00", "#c0392b", "#7fd1ae", "#888888"]
)
def test_every_brand_colour_can_be_read(brand: str) -> None:
    made = palette(brand, brand)
    pairs = [(made["button_text"], made["button"])]
    pairs += [(made["link_light"], paper) for paper in ("#f4ece0", "#fffcf7")]
    pairs += [(made["link_dark"], paper) for paper in ("#191715", "#25221f")]
    for text, paper in pairs:
        one, other = read_colour(text), read_colour(paper)
        assert one is not None and other is not None and contrast(one, other) >= 4.5, (text, paper)


def _services(folder: Path, **env: str) -> Services:
    desk = make_desk(folder, **env)
    return Services(Workspace(root=desk.root, settings=load_settings(desk.root, desk.env)), env=desk.env)


def test_without_an_address_there_are_no_pages(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no address") as caught:
        web_app(_services(tmp_path / "desk"))
    assert "public_url" in caught.value.hint


@pytest.mark.parametrize(
    ("variable", "value", "match"),
    [
        ("NEWSLETTER_WEB__TRUSTED_PROXIES", '["proxy.example.org"]', "trusted_proxies"),
        ("NEWSLETTER_WEB__CONFIRM_WITHIN", "a week", "confirm_within"),
        ("NEWSLETTER_WEB__OFFERED_TAGS", '[": nothing"]', "offered_tags"),
    ],
)
def test_settings_that_cannot_work_are_named_at_the_start(
    tmp_path: Path, variable: str, value: str, match: str
) -> None:
    env = {"NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org", variable: value}
    with pytest.raises(ConfigError, match=match):
        web_app(_services(tmp_path / "desk", **env))


def test_a_fault_in_the_mails_layout_is_named_at_the_start_with_its_line(tmp_path: Path) -> None:
    services = _services(tmp_path / "desk", NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://news.example.org")
    layout = services.workspace.templates / "system" / "confirm.mjml.j2"
    layout.write_text(layout.read_text("utf-8").replace("{{ says.lead }}", "{{ says.leed }}"), "utf-8")
    with pytest.raises(IssueError, match=r"templates/system/confirm.mjml.j2:\d+: .*leed"):
        web_app(services)


def test_a_workspace_without_the_layout_uses_the_one_that_came_with_the_program(tmp_path: Path) -> None:
    services = _services(tmp_path / "desk", NEWSLETTER_NEWSLETTER__PUBLIC_URL="https://news.example.org")
    (services.workspace.templates / "system" / "confirm.mjml.j2").unlink()
    assert isinstance(web_app(services), Starlette)


def test_another_server_gets_the_application_of_the_workspace_it_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(tmp_path / "desk")
    monkeypatch.setenv("NEWSLETTER_WORKSPACE", str(desk.root))
    monkeypatch.setenv("NEWSLETTER_SECRET", "s" * 40)
    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__PUBLIC_URL", "https://news.example.org")
    assert isinstance(app_from_env(), Starlette)
