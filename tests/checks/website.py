"""A web site on this computer, with and without TLS, whose pages do what servers do to those who ask."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.checks.fetching import Answer, IPAddress, ask


class Web(http.server.BaseHTTPRequestHandler):
    """A web site: each path is a rule; what was asked is kept."""

    asked: ClassVar[list[str]] = []
    server: "_Server"

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""

    def _serve(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        path, _, argument = self.path.lstrip("/").partition("/")
        page = getattr(self, f"_{path.replace('-', '_')}", None)
        if page is None:
            self._answer(200)
        else:
            page(argument)

    def _status(self, number: str) -> None:
        self._answer(int(number))

    def _to(self, target: str) -> None:
        self._answer(302, Location=target)

    def _loop(self, steps: str) -> None:
        self._answer(301, Location=f"/loop/{steps}x")

    def _umlaut(self, _: str) -> None:
        self._answer(302, Location="/straße".encode().decode("latin-1"))

    def _get_only(self, _: str) -> None:
        self._answer(200 if self.command == "GET" else 405)

    def _hangs_up(self, _: str) -> None:
        if self.command == "GET":
            self._answer(200)

    def _heavy(self, _: str) -> None:
        self._answer(200, **{"Content-Length": "300000"})

    def _slow(self, _: str) -> None:
        self.server.over.wait(10)

    def _drip(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _step in range(200):
            if self.server.over.wait(0.05):
                break
            self.wfile.write(b"X")

    def _noise(self, _: str) -> None:
        self.wfile.write(b"I do not speak HTTP\r\n\r\n")

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Web)
        self.over = threading.Event()  # the slow pages wait for it

    def handle_error(self, *args: Any) -> None:
        """Keep quiet: those who ask hang up on purpose."""


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[int]:
    """Serve the site; gives the port. certificate: a file with key and certificate, for TLS."""
    server = _Server()
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def certificate_of_localhost(file: Path) -> Path:
    """Write a certificate that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


def anywhere(address: IPAddress) -> bool:
    return True


def answer(url: str, seconds: float = 5.0) -> Answer:
    return ask(url, seconds=seconds, allow_address=anywhere)
