"""Publishing to S3, over HTTP: only what has changed goes up, and only what we put there is removed."""

import hashlib
from datetime import UTC, datetime

import pytest

from newsletter.archive.pictures import CACHE

from .conftest import NOVEMBER, Bucket, Library

pytestmark = pytest.mark.slow


def test_published_and_read_back_and_the_second_time_nothing_goes_up(three: Library, bucket: Bucket) -> None:
    went = three.desk.json("archive", "publish", **bucket.env)["uploaded"]
    files = {path: data for path, data in three.files().items() if path != ".archive.json"}
    assert set(went) == set(files) and bucket.held() == {*files, "archive/.made.json"}
    for path, data in files.items():
        assert hashlib.sha256(bucket.get(path)["Body"].read()).digest() == hashlib.sha256(data).digest(), path
    kinds = {
        f"archive/{NOVEMBER}.html": ("text/html; charset=utf-8", "public, max-age=300"),
        "archive/feed.xml": ("application/atom+xml", "public, max-age=300"),
        "archive/feed.json": ("application/feed+json", "public, max-age=300"),
        "robots.txt": ("text/plain; charset=utf-8", "public, max-age=300"),
        next(path for path in files if path.endswith(".css")): ("text/css; charset=utf-8", CACHE),
        next(path for path in files if path.endswith(".webp")): ("image/webp", CACHE),
        next(path for path in files if path.startswith("images/hero")): ("image/png", CACHE),
    }
    for path, expected in kinds.items():
        found = bucket.get(path)
        assert (found["ContentType"], found["CacheControl"]) == expected, path
    before = {path: bucket.get(path)["LastModified"] for path in bucket.held()}
    again = three.desk.json("archive", "publish", **bucket.env)
    assert again["uploaded"] == again["deleted"] == again["written"] == []
    assert {path: bucket.get(path)["LastModified"] for path in bucket.held()} == before


def test_a_dry_run_uploads_nothing(three: Library, bucket: Bucket) -> None:
    said = three.desk.json("archive", "publish", "--dry-run", **bucket.env)
    assert f"archive/{NOVEMBER}.html" in said["uploaded"]
    assert bucket.held() == set() and not three.folder.exists()


def test_what_somebody_changed_or_lost_is_put_right_and_what_is_not_ours_stays(
    three: Library, bucket: Bucket
) -> None:
    bucket.put("archive/theirs.html", b"theirs")
    three.shelve("2026-12-oops", datetime(2026, 12, 1, tzinfo=UTC))
    three.desk.ok("archive", "publish", **bucket.env)
    bucket.put("archive/2025.html", b"defaced")
    bucket.client.delete_object(Bucket=bucket.name, Key="robots.txt")
    went = three.desk.json("archive", "publish", **bucket.env)["uploaded"]
    assert sorted(went) == ["archive/2025.html", "robots.txt"]
    assert bucket.get("archive/2025.html")["Body"].read() == three.files()["archive/2025.html"]

    with three.services.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM campaigns WHERE slug = '2026-12-oops'")
    gone = three.desk.json("archive", "publish", **bucket.env)["deleted"]
    assert "archive/2026-12-oops.html" in gone and not set(gone) & bucket.held()
    assert bucket.get("archive/theirs.html")["Body"].read() == b"theirs"


def test_what_was_published_is_known_on_a_new_computer_and_without_a_list(
    three: Library, bucket: Bucket
) -> None:
    three.desk.ok("archive", "publish", **bucket.env)
    elsewhere = {**bucket.env, "NEWSLETTER_ARCHIVE__OUTPUT": "elsewhere"}
    assert three.desk.json("archive", "publish", **elsewhere)["uploaded"] == []
    bucket.put("archive/.made.json", b"\xff not json")
    assert three.desk.json("archive", "publish", **bucket.env)["deleted"] == []
    assert three.desk.json("archive", "publish", **bucket.env)["uploaded"] == []


def test_a_bucket_that_is_not_there_is_a_clear_error(three: Library, bucket: Bucket) -> None:
    env = {**bucket.env, "NEWSLETTER_ARCHIVE__S3_BUCKET": "nowhere"}
    result = three.desk.run("archive", "publish", **env)
    assert result.exit_code == 6 and "bucket nowhere" in result.stderr
