"""One question to a stranger's server: what is followed, when it ends, and where it never connects to."""

import ipaddress
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from newsletter.checks.fetching import Forbidden, IPAddress, NoAnswer, ask, is_public
from tests.checks.website import Web, answer, anywhere, certificate_of_localhost, serving


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


def test_a_redirect_beyond_ascii_is_followed(site: str) -> None:
    assert answer(f"{site}/to//stra%C3%9Fe").status == 200
    assert answer(f"{site}/umlaut").status == 200
    assert Web.asked[-1] == "HEAD /stra%C3%9Fe"


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


def test_a_redirect_to_a_private_address_is_not_followed(site: str) -> None:
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


def test_a_certificate_must_be_trusted_and_of_the_name_that_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is made to a number; the handshake is still about the name."""
    certificate = certificate_of_localhost(tmp_path / "localhost.pem")
    trusting = ssl.create_default_context(cafile=str(certificate))
    Web.asked.clear()
    with serving(certificate) as port:
        with pytest.raises(NoAnswer, match="certificate"):
            answer(f"https://localhost:{port}/")
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
        assert answer(f"https://localhost:{port}/").status == 200
        with pytest.raises(NoAnswer, match="certificate"):
            answer(f"https://127.0.0.1:{port}/")
    assert Web.asked == ["HEAD /"]
