"""An issue, a name or an address cannot take over the page that shows it, nor read other files."""

from pathlib import Path

import pytest

from newsletter.preview.authoring import authoring_app
from newsletter.preview.faults import excerpt
from tests.workspaces import Desk

from .conftest import ISSUE, SLUG, Browser, ViewOf, services_of

SCRIPT = "<script>alert(1)</script>"
PAGE, MAIL = f"/issue/{SLUG}", f"/issue/{SLUG}/mail"
VIEWS = ("desktop", "phone", "text", "headers")


def test_the_mail_stands_in_a_sandbox_without_scripts(author: Browser) -> None:
    policy = author.get(MAIL).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy  # so default-src rules: no script at all
    assert "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-scripts" not in policy + author.get(PAGE).text
    assert "allow-forms" not in policy


def test_our_own_pages_run_only_our_own_script(author: Browser) -> None:
    for address in ("/", PAGE, "/issue/none", "/nothing"):
        policy = author.get(address).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("view", VIEWS)
def test_script_in_an_issue_is_shown_as_text_in_our_page(author: Browser, writing: Desk, view: str) -> None:
    hostile = ISSUE.replace("title: Lanterns", f'title: "{SCRIPT}"').replace("bring a light", SCRIPT)
    writing.write(f"issues/{SLUG}.md", f"{hostile}\n{SCRIPT}\n")
    page = author.get(PAGE, {"view": view, "again": "1"}).text
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_script_in_a_broken_line_and_in_addresses_is_shown_as_text(author: Browser, writing: Desk) -> None:
    writing.write(f"issues/{SLUG}.md", ISSUE.replace("come in.", f"{{% {SCRIPT} %}}"))
    page = author.get(PAGE, {"again": "1", "q": f'">{SCRIPT}', "as": f'">{SCRIPT}', "view": SCRIPT}).text
    assert 'class="row here"' in page
    assert SCRIPT not in page
    assert SCRIPT not in author.get(f"/issue/{SCRIPT.replace('/', '%2F')}").text


def test_another_host_name_is_refused_so_that_no_site_can_read_drafts(writing: Desk, view_of: ViewOf) -> None:
    rebound = view_of(writing, host="evil.example.com")
    for address in ("/", PAGE, MAIL, "/events"):
        assert rebound.get(address).status_code == 400
    for name in ("127.0.0.1:8026", "localhost"):
        assert view_of(writing, host=name).get("/").status_code == 303


@pytest.mark.parametrize(
    "slug",
    ["..%2Fsecret", "%2e%2e%2fsecret", "..%5Csecret", "%2Fetc%2Fpasswd", "secret", "link", "%00", "a" * 3000],
)
def test_no_name_reaches_outside_the_issues(author: Browser, writing: Desk, slug: str) -> None:
    secret = ISSUE.replace("come in", "SECRET")
    (writing.root.parent / "2026-12-secret.md").write_text(secret)
    (writing.root / "secret.md").write_text(secret)
    (writing.root / "issues" / "link.md").symlink_to(writing.root.parent / "2026-12-secret.md")
    for address in (f"/issue/{slug}", f"/issue/{slug}/mail"):
        answer = author.get(address)
        assert answer.status_code == 404
        assert "SECRET" not in answer.text
    assert "issue-link" not in author.get(PAGE).text


def test_a_link_to_an_issue_elsewhere_is_not_followed(author: Browser, writing: Desk) -> None:
    outside = writing.root.parent / "outside.md"
    outside.write_text(ISSUE.replace("come in", "SECRET"))
    (writing.root / "issues" / "2026-12-elsewhere.md").symlink_to(outside)
    page = author.get("/issue/2026-12-elsewhere").text
    assert "This issue is outside of the workspace." in page
    assert "SECRET" not in page + author.get("/issue/2026-12-elsewhere/mail").text


def test_source_lines_come_from_the_owners_own_files_only(tmp_path: Path) -> None:
    for name in ("issues", "subscribers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.md").write_text("SECRET")
    (tmp_path / "issues" / "link.md").symlink_to("/etc/hostname")
    assert excerpt(tmp_path, "issues/file.md", 1)
    for file in (
        "subscribers/file.md",
        "issues/../subscribers/file.md",
        "/etc/hostname",
        "issues/link.md",
        ".",
    ):
        assert excerpt(tmp_path, file, 1) == ()


def test_there_is_nothing_to_change_through_it(writing: Desk) -> None:
    app = authoring_app(writing.root, lambda: services_of(writing))
    allowed = {method for route in app.routes for method in getattr(route, "methods", None) or ()}
    assert allowed == {"GET", "HEAD"}
