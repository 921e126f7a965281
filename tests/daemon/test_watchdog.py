"""The watchdog: an https address that is fetched while all is well, and only then."""

import http.server
import io
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.daemon.log import Log
from newsletter.daemon.pinging import ping
from newsletter.daemon.signs import Signs
from newsletter.daemon.work import Work
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.wiring import Services
from tests.workspaces import make_desk


@dataclass
class Watchdog:
    """A real https server. answer: the status and where it sends on to."""

    url: str
    seen: list[str] = field(default_factory=list)
    answer: tuple[int, str] = (200, "")


@pytest.fixture
def watchdog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchdog]:
    """A watchdog on the loopback address, whose certificate this process believes."""
    chain = _certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.seen.append(f"{self.path} {self.headers['User-Agent'].partition('/')[0]}")
            status, location = made.answer
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Watchdog(f"https://127.0.0.1:{server.server_port}/ping/abc")
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def _certificate(folder: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "watchdog")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "chain.pem"
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(pem, pkcs8, plain) + certificate.public_bytes(pem))
    return file


def test_it_is_fetched_by_https_and_its_certificate_is_checked(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ping(watchdog.url, version="1") == ""
    assert watchdog.seen == ["/ping/abc newsletter"]
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate" in ping(watchdog.url, version="1").lower()
    assert ping("http://127.0.0.1/", version="1") == "it is no https address"
    assert len(watchdog.seen) == 1


def test_an_answer_that_is_no_success_is_said_and_a_redirect_is_not_followed(watchdog: Watchdog) -> None:
    watchdog.answer = (503, "")
    assert ping(watchdog.url, version="1") == "it answered 503"
    watchdog.answer = (302, "http://127.0.0.1:1/inside")
    assert ping(watchdog.url, version="1") == "it answered 302"


def test_nobody_there_is_said(watchdog: Watchdog) -> None:
    assert "refused" in ping("https://127.0.0.1:1/", version="1").lower()


def test_it_is_told_after_a_good_round_at_most_once_a_minute_and_never_after_a_bad_one(
    watchdog: Watchdog, tmp_path: Path
) -> None:
    env = {"NEWSLETTER_SECRET": "s" * 40, "NEWSLETTER_SCHEDULE__PING_URL": watchdog.url}
    env["NEWSLETTER_SCHEDULE__SLOT"] = ""
    desk = make_desk(tmp_path / "desk", **env)
    now = [datetime(2026, 12, 1, 12, tzinfo=UTC)]
    workspace = Workspace(root=desk.root, settings=load_settings(desk.root, desk.env))
    services = Services(workspace, env=desk.env, clock=lambda: now[0])
    stream = io.StringIO()
    work = Work(services, threading.Event(), Log(stream, services.clock), Signs(services.clock))
    work.ping()
    assert watchdog.seen == [], "nothing was done yet"
    for seconds in (0, 30, 30, 30):
        now[0] += timedelta(seconds=seconds)
        work.due()
        work.ping()
        work.ping()
    assert len(watchdog.seen) == 2
    now[0] += timedelta(minutes=5)
    work.ping()
    assert len(watchdog.seen) == 2, "no round has ended well for five minutes"
    watchdog.answer = (500, "")
    for _ in range(3):
        now[0] += timedelta(minutes=2)
        work.due()
        work.ping()
    failed = [line for line in stream.getvalue().splitlines() if "event=failed" in line]
    assert len(failed) == 1 and "answered 500" in failed[0]
    services.close()
