"""Building changes what has changed, and nothing else."""

import hashlib
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.archive.sizes import smaller
from tests.workspaces import make_desk

from .conftest import NOVEMBER, PUBLIC, Library


def test_building_again_changes_no_byte_and_no_time(three: Library) -> None:
    assert three.build()["written"]
    before, times = three.files(), three.times()
    assert three.build()["written"] == []
    assert three.files() == before and three.times() == times


def test_the_same_ledger_gives_the_same_bytes_in_another_folder(three: Library) -> None:
    three.build()
    three.desk.ok("archive", "build", NEWSLETTER_ARCHIVE__OUTPUT="elsewhere")
    other = three.desk.root / "elsewhere"
    assert {
        str(path.relative_to(other)): path.read_bytes() for path in other.rglob("*") if path.is_file()
    } == three.files()


def test_a_new_letter_changes_only_pages_that_name_it(three: Library) -> None:
    three.build()
    times = three.times()
    three.shelve("2026-12-winter", datetime(2026, 12, 1, 13, tzinfo=UTC))
    written = set(three.build()["written"])
    assert f"archive/{NOVEMBER}.html" in written  # "the letter after"
    assert (
        not {"archive/2026-10-songs.html", "archive/2025-12-before-the-snow.html", "archive/2025.html"}
        & written
    )
    now = three.times()
    assert {path for path in times if path in now and times[path] == now[path]} == set(now) - written - {
        ".archive.json"
    }


def test_a_page_whose_issue_is_gone_is_removed_and_files_of_the_owner_stay(three: Library) -> None:
    three.build()
    (three.folder / "archive" / "mine.html").write_text("mine")
    (three.folder / "CNAME").write_text("news.example.org")
    three.shelve(NOVEMBER + "-2", datetime(2026, 11, 9, tzinfo=UTC))
    three.build()
    before = set(three.files())
    with three.services.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM campaigns WHERE slug = '{NOVEMBER}-2'")
    removed = three.build()["removed"]
    assert f"archive/{NOVEMBER}-2.html" in removed
    assert before - set(three.files()) == set(removed)
    assert {"archive/mine.html", "CNAME"} <= set(three.files())


def test_a_robots_txt_of_the_owner_stays_and_a_forged_list_removes_nothing_outside(three: Library) -> None:
    three.folder.mkdir(parents=True)
    (three.folder / "robots.txt").write_text("User-agent: *\nDisallow: /\n")
    outside = three.desk.write("precious.txt", "x")
    digest = hashlib.sha256(b"x").hexdigest()
    forged = {"archive/../../../precious.txt": digest, "../../precious.txt": digest, "images/a": 3}
    (three.folder / ".archive.json").write_text(json.dumps(forged))
    three.build()
    assert "Disallow: /\n" in (three.folder / "robots.txt").read_text()
    assert outside.exists()


def test_a_dry_run_names_what_would_change_and_changes_nothing(three: Library) -> None:
    said = three.desk.json("archive", "build", "--dry-run")
    assert f"archive/{NOVEMBER}.html" in said["written"] and said["dry_run"]
    assert not three.folder.exists()


def test_what_was_sent_is_shown_and_not_the_draft(three: Library) -> None:
    three.build()
    page = three.page()
    path = three.desk.root / "issues" / f"{NOVEMBER}.md"
    path.write_text(path.read_text("utf-8").replace("One to one", "Changed"), "utf-8")
    assert three.build()["written"] == [] and three.page() == page
    path.unlink()
    assert three.build()["issues"] == 3


def test_a_send_cancelled_before_anybody_was_mailed_is_not_shown(library: Library) -> None:
    library.shelve("2026-11-never", datetime(2026, 11, 1, tzinfo=UTC), cancelled=True)
    assert library.build()["issues"] == 0


def test_without_an_address_there_is_no_archive(tmp_path: Path) -> None:
    for env in ({}, {**PUBLIC, "NEWSLETTER_ARCHIVE__OUTPUT": ""}):
        result = make_desk(tmp_path / str(len(env)), **env).run("archive", "build")
        assert result.exit_code == 3 and "public_url" in result.stderr


def test_a_folder_that_cannot_be_written_is_a_clear_error(three: Library) -> None:
    three.desk.write("out/archive/archive", "a file where a folder should be")
    result = three.desk.run("archive", "build")
    assert result.exit_code == 6 and "out/archive" in result.stderr


def test_a_smaller_picture_is_always_the_same_and_smaller(library: Library) -> None:
    for image in library.model.images:
        if image.name.startswith(("hero", "drum", "two")):
            made = smaller(image)
            assert made == smaller(image) and len(made) < len(image.data)


@pytest.mark.slow
def test_two_hundred_letters_are_built_in_seconds(library: Library) -> None:
    for number in range(200):
        year, month = 2010 + number // 12, number % 12 + 1
        library.shelve(f"{year}-{month:02}-letter", datetime(year, month, 3, tzinfo=UTC))
    began = time.process_time()
    assert library.build()["issues"] == 200
    assert time.process_time() - began < 15
    began = time.process_time()
    assert library.build()["written"] == []
    assert time.process_time() - began < 10
