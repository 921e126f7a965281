"""Pictures travel with the mail; with a public_url they are published once, before any mail."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from newsletter.archive.pictures import CACHE, publish_to_bucket, publish_to_folder
from newsletter.errors import SendError
from newsletter.model import Image
from tests.workspaces import AWS, Desk

NOVEMBER = "2026-11-individual-vs-group"
PUBLIC = {"NEWSLETTER_NEWSLETTER__PUBLIC_URL": "https://news.example.org"}
IMAGE = Image(
    name="drum-0123456789ab.png", cid="x@y", content_type="image/png", data=b"\x89PNG" * 10, url="https://e"
)


def parts(desk: Desk) -> list[str]:
    return [part.get_content_type() for part in desk.mailbox()[0].walk()]


def sources(desk: Desk) -> set[str]:
    html = desk.mailbox()[0].get_body(("html",))
    assert html is not None
    return set(re.findall(r'<img[^>]*\bsrc="([^"]+)"', html.get_content()))


def test_without_a_public_url_pictures_travel_with_the_mail(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes")
    assert "image/png" in parts(desk)
    assert all(source.startswith("cid:") for source in sources(desk))
    assert not (desk.root / "out" / "archive" / "images").exists()


def test_with_a_public_url_each_picture_the_mail_refers_to_is_published_in_the_folder(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--yes", **PUBLIC)
    assert parts(desk) == ["multipart/alternative", "text/plain", "text/html"]
    folder = desk.root / "out" / "archive" / "images"
    names = {source.removeprefix("https://news.example.org/images/") for source in sources(desk)}
    assert names and names == {path.name for path in folder.iterdir()}


def test_a_test_mail_finds_its_pictures_too(desk: Desk) -> None:
    desk.ok("send", NOVEMBER, "--test", "me@example.org", **PUBLIC)
    assert any((desk.root / "out" / "archive" / "images").iterdir())


def test_a_picture_that_cannot_be_published_stops_the_send_before_anybody_is_mailed(desk: Desk) -> None:
    desk.write("out/archive", "a file where the folder should be")
    result = desk.run("send", NOVEMBER, "--yes", **PUBLIC)
    assert result.exit_code == 1 and "out/archive" in result.stderr
    assert desk.mailed() == []
    assert desk.json("status")["campaigns"] == []


def test_rendering_shows_published_pictures_without_the_web(desk: Desk) -> None:
    files = desk.json("render", NOVEMBER, **PUBLIC)["files"]
    html = (desk.root / files[0]).read_text("utf-8")
    assert "https://news.example.org/images/" not in html
    assert 'src="data:image/' in html


def test_what_is_there_is_not_written_again_and_what_is_broken_is(tmp_path: Path) -> None:
    assert publish_to_folder([IMAGE], tmp_path) == 1
    assert publish_to_folder([IMAGE], tmp_path) == 0
    (tmp_path / IMAGE.name).write_bytes(b"half")
    assert publish_to_folder([IMAGE], tmp_path) == 1
    assert (tmp_path / IMAGE.name).read_bytes() == IMAGE.data


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A real S3 endpoint (moto's server) and a client of it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.session.Session(
        aws_access_key_id="example", aws_secret_access_key="example", region_name="eu-central-1"
    ).client("s3", endpoint_url=f"http://{host}:{port}")
    client.create_bucket(Bucket="news", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield client
    client.close()
    server.stop()


@pytest.mark.slow
def test_pictures_go_to_the_bucket_once_with_type_and_cache_header(s3: Any) -> None:
    assert publish_to_bucket([IMAGE], "news", lambda: s3) == 1
    assert publish_to_bucket([IMAGE], "news", lambda: s3) == 0
    found = s3.get_object(Bucket="news", Key=f"images/{IMAGE.name}")
    assert found["Body"].read() == IMAGE.data
    assert (found["ContentType"], found["CacheControl"]) == ("image/png", CACHE)


@pytest.mark.slow
def test_a_bucket_that_is_not_there_is_a_clear_error(s3: Any) -> None:
    with pytest.raises(SendError, match="bucket nowhere"):
        publish_to_bucket([IMAGE], "nowhere", lambda: s3)


@pytest.mark.slow
def test_a_send_publishes_to_the_bucket_of_the_settings(desk: Desk, s3: Any) -> None:
    env = {
        **AWS,
        **PUBLIC,
        "AWS_ENDPOINT_URL_S3": s3.meta.endpoint_url,
        "NEWSLETTER_ARCHIVE__S3_BUCKET": "news",
    }
    desk.ok("send", NOVEMBER, "--yes", **env)
    names = {source.rsplit("/", 1)[1] for source in sources(desk)}
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket="news")["Contents"]}
    assert names and {f"images/{name}" for name in names} <= keys
