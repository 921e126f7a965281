"""``check --online``: what answers, what does not, and where it never connects to."""

import http.server
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.checks import online
from newsletter.checks.fetching import Answer, Forbidden, IPAddress, NoAnswer, ask, is_public
from newsletter.model import Finding
from tests.checks.drafts import Table, change


class Web(http.server.BaseHTTPRequestHandler):
    """A web site: each path is a rule; what was asked is kept."""

    asked: ClassVar[list[str]] = []
    release: ClassVar[threading.Event] = threading.Event()

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
        self.release.wait(10)

    def _drip(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _step in range(200):
            if self.release.wait(0.05):
                break
            self.wfile.write(b"X")

    def _noise(self, _: str) -> None:
        self.wfile.write(b"I do not speak HTTP\r\n\r\n")

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a web site on this computer."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Web.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _forget() -> None:
    Web.asked.clear()


def anywhere(address: IPAddress) -> bool:
    return True


def answer(url: str, seconds: float = 5.0) -> Answer:
    return ask(url, seconds=seconds, allow_address=anywhere)


def look(table: Table, *links: str, picture: str = "", seconds: float = 20.0) -> list[Finding]:
    """Return what is found of these links, each on a line of its own from line 8."""
    body = "\n".join(f"[link {number}]({url})" for number, url in enumerate(links))
    text = change("Some words with [a link](https://example.org/).", body)
    if picture:
        text = change("images/two-chairs.png", picture, text)
    draft = table.draft(text)
    own = [
        link for link in draft.report.links if "ignite" not in link.href
    ]  # the template's own are no sites
    report = draft.report.__class__(
        file=draft.report.file,
        field_uses=draft.report.field_uses,
        pictures=draft.report.pictures,
        links=own,
        warnings=draft.report.warnings,
    )
    return online.check(report, seconds=seconds, seconds_each=min(5.0, seconds), allow_address=anywhere)


def short(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.where.rpartition(":")[2]) for finding in found]


def test_links_that_answer_are_no_finding_and_each_is_asked_once(table: Table, site: str) -> None:
    assert look(table, f"{site}/a", f"{site}/a#part", f"{site}/to//b", "mailto:ada@example.org") == []
    assert sorted(Web.asked) == ["HEAD /a", "HEAD /b", "HEAD /to//b"]


def test_a_dead_link_says_its_status_and_line(table: Table, site: str) -> None:
    found = look(table, f"{site}/fine", f"{site}/status/404", f"{site}/status/503", f"{site}/status/403")
    assert short(found) == [("link-dead", "9"), ("link-dead", "10"), ("link-refused", "11")]
    assert "404" in found[0].what and "link 1" in found[0].what


def test_a_picture_on_the_web_is_asked_and_weighed(table: Table, site: str) -> None:
    assert short(look(table, picture=f"{site}/heavy")) == [("web-picture-heavy", "10")]
    assert short(look(table, picture=f"{site}/status/410")) == [("link-dead", "10")]


def test_a_link_that_waits_for_the_reader_is_not_asked(table: Table, site: str) -> None:
    assert look(table, f"{site}/{{{{ subscriber.city }}}}") == []
    assert Web.asked == []


def test_get_is_asked_where_head_is_not_understood(site: str) -> None:
    assert answer(f"{site}/get-only").status == 200
    assert answer(f"{site}/hangs-up").status == 200
    assert Web.asked == ["HEAD /get-only", "GET /get-only", "HEAD /hangs-up", "GET /hangs-up"]


def test_five_redirects_are_followed_and_no_more(site: str) -> None:
    assert answer(f"{site}/to/" + "/to/" * 4 + "/end").url == f"{site}/end"
    with pytest.raises(NoAnswer, match="more than 5 times"):
        answer(f"{site}/loop/")
    assert sum("loop" in asked for asked in Web.asked) == 6


def test_names_beyond_ascii_are_asked_in_ascii(site: str) -> None:
    assert answer(f"{site}/straße?q=ä b").status == 200
    assert Web.asked == ["HEAD /stra%C3%9Fe?q=%C3%A4%20b"]


@pytest.mark.parametrize("path", ["slow", "drip"])
def test_a_server_that_never_ends_is_left_in_time(site: str, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="in time"):
        answer(f"{site}/{path}", seconds=0.3)
    assert time.monotonic() - began < 2


def test_the_whole_check_has_an_end_and_says_what_was_not_asked(table: Table, site: str) -> None:
    began = time.monotonic()
    found = look(table, *(f"{site}/slow/{number}" for number in range(9)), seconds=0.5)
    assert time.monotonic() - began < 3
    assert short(found)[-1][0] == "link-not-asked"


def test_what_is_no_web_server_is_said_in_plain_words(table: Table, site: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        found = look(table, f"{site}/noise", closed, f"{site}/")
    assert short(found) == [("link-unreachable", "8"), ("link-unreachable", "9")]
    assert "does not speak HTTP" in found[0].what and "refuses connections" in found[1].what


def test_when_nothing_answers_there_is_one_finding(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "no network")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    found = look(table, "https://a.example.org/", "https://b.example.org/")
    assert short(found) == [("offline", "issues/2026-12-under-test.md")]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2002:a9fe:a9fe::", "2001:0:53aa:64c:0:7fff:f5ff:fffe",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:7f00:1]",
        "0",
    ],
)
def test_no_spelling_of_this_computer_is_connected_to(site: str, host: str) -> None:
    port = site.rpartition(":")[2]
    with pytest.raises(NoAnswer):
        ask(f"http://{host}:{port}/secret", seconds=2, allow_address=is_public)
    assert Web.asked == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "gopher://127.0.0.1/", "//x", "http://", "data:,x"]
)
def test_only_web_addresses_are_asked(url: str) -> None:
    with pytest.raises(Forbidden):
        ask(url, seconds=2, allow_address=anywhere)


def test_a_redirect_to_a_private_address_is_not_followed(table: Table, site: str) -> None:
    port = int(site.rpartition(":")[2])

    def only_localhost(address: IPAddress) -> bool:
        return str(address) == "127.0.0.1"

    for target in (
        f"http://127.0.0.2:{port}/secret",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ):
        with pytest.raises(Forbidden):
            ask(f"{site}/to/{target}", seconds=2, allow_address=only_localhost)
    assert not any("secret" in asked for asked in Web.asked if not asked.startswith("HEAD /to/"))


def test_a_name_that_changes_its_mind_gains_nothing(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when looked at, this computer a moment later. Only what was looked at counts."""
    port = int(site.rpartition(":")[2])
    answers = iter(["192.0.2.7", "127.0.0.1", "127.0.0.1", "127.0.0.1"])
    looked_up: list[str] = []

    def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        number = next(answers)
        looked_up.append(number)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    connected: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, number: Any) -> None:
        connected.append(number)
        real(self, ("127.0.0.1", 9) if number[0] == "192.0.2.7" else number)

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(NoAnswer):
        ask(
            f"http://rebind.example.org:{port}/secret",
            seconds=2,
            allow_address=lambda a: str(a) == "192.0.2.7",
        )
    assert looked_up == ["192.0.2.7"]
    assert connected[0] == ("192.0.2.7", port) and Web.asked == []


def test_a_name_with_one_private_number_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (n, 80)) for n in ("9.9.9.9", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: numbers)
    with pytest.raises(Forbidden):
        ask("http://both.example.org/", seconds=2, allow_address=is_public)


def test_a_private_link_is_a_finding(table: Table) -> None:
    draft = table.draft(change("https://example.org/", "http://192.168.1.10/draft"))
    own = [link for link in draft.report.links if "ignite" not in link.href]
    report = draft.report.__class__(
        file=draft.report.file, field_uses=(), pictures=(), links=own, warnings=()
    )
    assert short(online.check(report)) == [("link-private", "8")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def safe_site(certificate: Path) -> Iterator[str]:
    """The port of a web site on this computer that speaks TLS."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # handshakes fail on purpose
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield str(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_must_be_trusted_and_of_the_name_that_was_asked(
    safe_site: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is made to a number; the handshake is still about the name."""
    with pytest.raises(NoAnswer, match="certificate"):
        answer(f"https://localhost:{safe_site}/")
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    assert answer(f"https://localhost:{safe_site}/").status == 200
    with pytest.raises(NoAnswer, match="certificate"):
        answer(f"https://127.0.0.1:{safe_site}/")
    assert Web.asked == ["HEAD /"]


def test_a_redirect_beyond_ascii_is_followed(site: str) -> None:
    assert answer(f"{site}/to//stra%C3%9Fe").status == 200
    assert answer(f"{site}/umlaut").status == 200
    assert Web.asked[-1] == "HEAD /stra%C3%9Fe"
