"""Real dovecot over TLS, and real S3 over HTTP: what is read, what is marked, what goes wrong."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from newsletter.errors import ConfigError, NewsletterError, SendError
from newsletter.feedback.mail_sources import MailSource, open_source
from newsletter.feedback.s3_inbox import ASIDE
from newsletter.feedback.wishes import LONGEST
from newsletter.settings import Inbox
from tests.dovecot import ImapServer
from tests.emulators import free_port
from tests.workspaces import AWS

MAIL = b"From: ada@example.org\r\nSubject: unsubscribe\r\n\r\nplease\r\n"


def no_s3() -> Any:
    raise AssertionError("nobody asked for S3")


def take(source: MailSource, after: str = "", *, understood: bool = True) -> list[bytes]:
    """Read what a source has and mark all of it."""
    found = []
    with closing(source.messages(after)) as mails:
        for arrived in mails:
            found.append(arrived.raw)
            source.done(arrived, understood)
    return found


def test_without_a_kind_there_is_nothing_to_open() -> None:
    with pytest.raises(ConfigError, match="no mailbox") as caught:
        open_source(Inbox(), {}, no_s3)
    assert "[inbox]" in caught.value.hint


# -- IMAP -----------------------------------------------------------------------------------------


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> str:
    """The name of an IMAP folder of this test's own."""
    return str(request.node.name)


@pytest.fixture
def box(imap_server: ImapServer, folder: str) -> MailSource:
    """What the settings of that folder open."""
    with imap_server.client(folder):
        pass
    return open_source(imap_server.inbox(folder), imap_server.env, no_s3)


def test_unread_mail_is_read_and_only_what_was_understood_is_marked_as_read(
    imap_server: ImapServer, folder: str, box: MailSource
) -> None:
    imap_server.deliver(folder, MAIL)
    assert take(box, understood=False) == [MAIL]
    assert imap_server.unread(folder) == 1
    assert take(box) == [MAIL]
    assert imap_server.unread(folder) == 0


def test_behind_its_bookmark_nothing_is_read_twice_whoever_has_opened_it(
    imap_server: ImapServer, folder: str, box: MailSource
) -> None:
    imap_server.deliver(folder, MAIL)
    take(box, understood=False)
    assert take(box, box.place) == []
    imap_server.deliver(folder, MAIL + b"2", flags=r"\Seen")
    assert take(box, box.place) == [MAIL + b"2"], "the owner's telephone has opened it before us"
    assert take(box, box.place) == []


def test_the_first_time_what_somebody_has_read_is_left_and_stays_behind_the_bookmark(
    imap_server: ImapServer, folder: str, box: MailSource
) -> None:
    imap_server.deliver(folder, MAIL, flags=r"\Seen")
    assert take(box) == []
    assert take(box, box.place) == []


def test_a_first_time_that_breaks_off_begins_anew_and_later_times_go_on(
    imap_server: ImapServer, folder: str, box: MailSource
) -> None:
    for number in range(3):
        imap_server.deliver(folder, MAIL + b"%d" % number)
    with closing(box.messages()) as mails:
        box.done(next(mails), False)
    assert box.place == ""
    take(box, understood=False)
    imap_server.deliver(folder, MAIL + b"3")
    imap_server.deliver(folder, MAIL + b"4")
    with closing(box.messages(box.place)) as mails:
        assert next(mails).raw.endswith(b"3")
        next(mails)
    assert take(box, box.place) == [MAIL + b"4"]


def test_the_bookmark_of_a_folder_that_was_made_anew_counts_for_nothing(
    imap_server: ImapServer, folder: str, box: MailSource
) -> None:
    imap_server.deliver(folder, MAIL)
    take(box)
    place = box.place
    with imap_server.client(folder) as client:
        client.close()
        client.delete(folder)
    imap_server.deliver(folder, MAIL + b"new")
    assert take(box, place) == [MAIL + b"new"]


def test_of_a_huge_mail_only_the_beginning_is_fetched(
    imap_server: ImapServer, folder: str, box: MailSource
) -> None:
    imap_server.deliver(folder, MAIL + b"x" * 20_000_000)
    [raw] = take(box)
    assert len(raw) == LONGEST and raw.startswith(MAIL)


def test_many_mails_come_in_order_with_the_time_they_arrived(
    imap_server: ImapServer, folder: str, box: MailSource
) -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    with imap_server.client(folder):
        pass
    for number in range(45):
        imap_server.deliver(folder, MAIL + b"%d" % number, at=noon + timedelta(hours=number))
    with closing(box.messages()) as mails:
        found = [(arrived.raw.removeprefix(MAIL), arrived.at) for arrived in mails]
    assert found == [(b"%d" % number, noon + timedelta(hours=number)) for number in range(45)]


def test_two_folders_have_two_bookmarks(imap_server: ImapServer) -> None:
    names = {open_source(imap_server.inbox(name), imap_server.env, no_s3).name for name in ("A", "B", "B")}
    assert len(names) == 2 and all(len(name) <= 32 for name in names)


@contextmanager
def answering(greeting: bytes) -> Iterator[int]:
    """Give the port of a server that says one thing, without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.sendall(greeting)
                client.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def fails(inbox: Inbox, env: dict[str, str]) -> NewsletterError:
    with pytest.raises(NewsletterError) as caught:
        take(open_source(inbox, env, no_s3))
    assert "\n" not in str(caught.value) + caught.value.hint
    return caught.value


def test_what_is_wrong_with_a_mailbox_is_one_clear_line(imap_server: ImapServer, tmp_path: Path) -> None:
    right, env = imap_server.inbox("INBOX"), imap_server.env
    password, authority = "NEWSLETTER_IMAP_PASSWORD", "NEWSLETTER_IMAP_CA_FILE"

    missing = fails(right, {})
    assert isinstance(missing, ConfigError) and password in missing.hint
    wrong = fails(right, {**env, password: "wrong"})
    assert isinstance(wrong, ConfigError) and "login" in str(wrong)
    assert isinstance(fails(right, {**env, password: "schlüssel"}), ConfigError)
    nowhere = fails(replace(right, folder="Nowhere"), env)
    assert isinstance(nowhere, ConfigError) and "'Nowhere'" in str(nowhere)

    unknown = fails(right, {password: "x"})
    assert isinstance(unknown, ConfigError) and "certificate" in str(unknown) and authority in unknown.hint
    other_name = fails(replace(right, host="127.0.0.1"), env)
    assert isinstance(other_name, ConfigError) and "certificate" in str(other_name)
    no_file = fails(right, {**env, authority: str(tmp_path / "none.pem")})
    assert isinstance(no_file, ConfigError) and authority in str(no_file)
    (tmp_path / "not.pem").write_text("no certificate")
    assert isinstance(fails(right, {**env, authority: str(tmp_path / "not.pem")}), ConfigError)

    closed = fails(replace(right, port=free_port()), env)
    assert isinstance(closed, SendError) and "reached" in str(closed)
    assert isinstance(fails(replace(right, host="no-such-host.invalid"), env), SendError)
    with answering(b"* OK IMAP4rev1 without TLS\r\n") as port:
        plain = fails(replace(right, port=port), env)
    assert isinstance(plain, ConfigError) and "TLS" in str(plain)
    for error in (wrong, nowhere, unknown, closed, plain):
        assert imap_server.password not in str(error) and imap_server.user not in str(error)


def test_a_server_that_goes_away_in_the_middle_is_a_clear_error(
    imap_server: ImapServer, tmp_path: Path
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(imap_server.folder / "server.pem", imap_server.folder / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with tls.wrap_socket(client, server_side=True) as wrapped:
                wrapped.sendall(b"* OK IMAP4rev1\r\n")
                wrapped.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        gone = fails(replace(imap_server.inbox("INBOX"), port=server.getsockname()[1]), imap_server.env)
        thread.join()
    assert isinstance(gone, SendError) and "run it again" in gone.hint


# -- S3 -------------------------------------------------------------------------------------------


def keys(s3: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("prefix", ["", "inbound/", "leave-"])
def test_an_object_is_deleted_when_understood_and_put_aside_when_not(
    s3: Any, bucket: str, prefix: str
) -> None:
    source = open_source(Inbox(kind="s3", bucket=bucket, prefix=prefix), {}, lambda: s3)
    for name in ("a", "o", "z"):  # also behind "not-understood/" in the order of names
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=MAIL + name.encode())
    with closing(source.messages()) as mails:
        for arrived in mails:
            source.done(arrived, understood=not arrived.raw.endswith(b"o"))
    assert keys(s3, bucket) == [f"{prefix}{ASIDE}o"]
    assert s3.get_object(Bucket=bucket, Key=f"{prefix}{ASIDE}o")["Body"].read() == MAIL + b"o"
    assert take(source) == []
    s3.put_object(Bucket=bucket, Key=prefix + "q", Body=MAIL)
    assert take(source) == [MAIL]


def test_objects_elsewhere_and_folders_are_not_touched(s3: Any, bucket: str) -> None:
    for key in ("other/a", "inbound/", "inbound/sub/"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert take(open_source(Inbox(kind="s3", bucket=bucket, prefix="inbound/"), {}, lambda: s3)) == []
    assert keys(s3, bucket) == ["inbound/", "inbound/sub/", "other/a"]


@pytest.mark.slow
def test_more_objects_than_one_page_and_many_that_were_put_aside(s3: Any, bucket: str) -> None:
    for number in range(120):
        s3.put_object(Bucket=bucket, Key=f"{ASIDE}{number:04}", Body=b"old")
        s3.put_object(Bucket=bucket, Key=f"x{number:04}", Body=MAIL)
    source = open_source(Inbox(kind="s3", bucket=bucket), {}, lambda: s3)
    assert len(take(source)) == 120
    assert len(keys(s3, bucket)) == 120


def test_of_a_huge_object_only_the_beginning_is_read_and_an_empty_one_is_nothing(
    s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=MAIL + b"x" * 20_000_000)
    s3.put_object(Bucket=bucket, Key="b", Body=b"")
    huge, empty = take(open_source(Inbox(kind="s3", bucket=bucket), {}, lambda: s3))
    assert len(huge) == LONGEST and huge.startswith(MAIL)
    assert empty == b""


def test_an_object_that_somebody_else_has_just_dealt_with_is_passed_over(s3: Any, bucket: str) -> None:
    for name in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=name, Body=MAIL + name.encode())
    found = []
    source = open_source(Inbox(kind="s3", bucket=bucket), {}, lambda: s3)
    with closing(source.messages()) as mails:
        for arrived in mails:
            found.append(arrived.id)
            s3.delete_object(Bucket=bucket, Key="b")
            source.done(arrived, understood=True)
    assert found == ["a", "c"]


def test_what_is_wrong_with_a_bucket_is_one_clear_line(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_with(client: Any, name: str) -> NewsletterError:
        with pytest.raises(NewsletterError) as caught:
            take(open_source(Inbox(kind="s3", bucket=name), {}, lambda: client))
        assert "\n" not in str(caught.value) + caught.value.hint
        return caught.value

    none = fails_with(s3, "nowhere")
    assert isinstance(none, ConfigError) and "no bucket nowhere" in str(none)
    session = boto3.session.Session(
        aws_access_key_id="example", aws_secret_access_key="example", region_name="eu-central-1"
    )
    port = free_port()
    with closing(
        session.client(
            "s3", endpoint_url=f"http://127.0.0.1:{port}", config=Config(retries={"max_attempts": 0})
        )
    ) as client:
        assert isinstance(fails_with(client, bucket), SendError)
    monkeypatch.setenv("HOME", "/nonexistent")
    with closing(
        boto3.session.Session(region_name="eu-central-1").client("s3", endpoint_url=s3.meta.endpoint_url)
    ) as client:
        nobody = fails_with(client, bucket)
    assert isinstance(nobody, ConfigError) and "credentials" in str(nobody)
    with (
        answering_http(403, "AccessDenied") as url,
        closing(session.client("s3", endpoint_url=url)) as client,
    ):
        denied = fails_with(client, bucket)
    assert isinstance(denied, ConfigError) and "s3:ListBucket" in denied.hint
    assert AWS["AWS_SECRET_ACCESS_KEY"] not in str(denied).split()


@contextmanager
def answering_http(status: int, code: str) -> Iterator[str]:
    """Give the URL of a server that refuses as S3 does."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    head = (
        f"HTTP/1.1 {status} Refused\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with answering(head.encode() + body) as port:
        yield f"http://127.0.0.1:{port}"
