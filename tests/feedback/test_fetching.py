"""Fetching over https: from whom a trusted authority vouches for, and from nobody else."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.feedback.fetching import fetch


class Answers(BaseHTTPRequestHandler):
    """What stands at some paths."""

    def do_GET(self) -> None:
        """Answer."""
        status = {"/gone": 404, "/elsewhere": 302}.get(self.path, 200)
        body = b"x" * 70_000 if self.path == "/long" else f"{self.path} {self.headers['Host']}".encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/here")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1, and its key."""
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def site(authority: Path) -> Iterator[str]:
    """The address of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up on us
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_there_is_returned(site: str, authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    host = site.removeprefix("https://")
    assert fetch(f"{site}/here?a=b") == f"/here?a=b {host}".encode()
    assert fetch(site) == f"/ {host}".encode()


@pytest.mark.parametrize("path", ["/gone", "/elsewhere", "/long"])
def test_what_is_not_there_or_elsewhere_or_too_long_is_not(
    site: str, authority: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with pytest.raises(LookupError):
        fetch(f"{site}{path}")


def test_a_server_that_nobody_vouches_for_is_not_asked(site: str) -> None:
    with pytest.raises(OSError, match="certificate verify failed"):
        fetch(f"{site}/here")


def test_without_https_nothing_is_fetched(site: str) -> None:
    for url in (site.replace("https", "http"), "file:///etc/hostname", "https:///x", "nonsense"):
        with pytest.raises(LookupError):
            fetch(url)
    with pytest.raises(OSError):
        fetch("https://127.0.0.1:9/")
