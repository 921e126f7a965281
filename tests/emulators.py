"""aws-ses-v2-local, a real SES emulator by other people, behind a proxy that keeps what passes.

Import the fixture into a conftest.py: ``from tests.emulators import ses_endpoint``. The emulator shows
subject, html and text as its own parsers read them, but forgets a raw message's headers; the proxy keeps the
raw message itself, and counts the requests. Where node is missing its tests are skipped, loudly; with CI or
NEWSLETTER_TEST_ALL set they fail instead.
"""

import base64
import email
import email.policy
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.node_packages import do_without, npm_file

__all__ = ["StoredMail", "clear_store", "free_port", "read_store", "requests_seen", "ses_endpoint"]

VERSION = "2.10.2"

#: What the emulator answers GetAccount with: fast enough for tests, unlike the sandbox.
ACCOUNT: Mapping[str, Any] = {
    "DedicatedIpAutoWarmupEnabled": False,
    "Details": {
        "AdditionalContactEmailAddresses": [],
        "ContactLanguage": "EN",
        "MailType": "MARKETING",
        "ReviewDetails": {"CaseId": "1", "Status": "GRANTED"},
        "UseCaseDescription": "a newsletter",
        "WebsiteURL": "https://www.example.org",
    },
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "SendQuota": {"Max24HourSend": 1_000_000.0, "MaxSendRate": 5_000.0, "SentLast24Hours": 1_000.0},
    "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
}


@dataclass(frozen=True, kw_only=True)
class StoredMail:
    """One mail as the emulator read it. headers: names in lower case. mime: the raw message, b"" for bulk."""

    message_id: str
    to: str
    sender: str
    reply_to: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    mime: bytes = field(repr=False)


@pytest.fixture(scope="session")
def ses_endpoint() -> Iterator[str]:
    """The URL of an emulator of our own, on a loopback port: for AWS_ENDPOINT_URL_SESV2."""
    program = _program()
    port = free_port()
    # no credentials, proxies or settings of whoever runs the tests
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env["AWS_SES_ACCOUNT"] = json.dumps(ACCOUNT)
    command = ["node", str(program), "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryFile("w+") as log:
        emulator = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        proxy = _Proxy(port)
        thread = threading.Thread(target=lambda: proxy.serve_forever(poll_interval=0.05), name="ses-proxy")
        try:
            _wait(emulator, port, log)
            thread.start()
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            if thread.is_alive():
                proxy.shutdown()
                thread.join()
            proxy.server_close()
            emulator.terminate()
            emulator.wait(timeout=10)


def read_store(endpoint: str) -> list[StoredMail]:
    """Return all mails that the emulator has taken since it was cleared, in order."""
    raw: dict[str, str] = _get(f"{endpoint}/raw-messages")
    emails = _get(f"{endpoint}/store")["emails"]
    return [_mail(stored, base64.b64decode(raw.get(stored["messageId"], ""))) for stored in emails]


def clear_store(endpoint: str) -> None:
    """Forget all mails and requests."""
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/clear-store", method="POST"), timeout=10):
        pass


def requests_seen(endpoint: str) -> list[str]:
    """Return "METHOD /path" of each API request since the store was cleared."""
    found: list[str] = _get(f"{endpoint}/requests-seen")
    return found


def free_port() -> int:
    """Return a port on the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _mail(stored: Mapping[str, Any], mime: bytes) -> StoredMail:
    if mime:
        parsed = email.message_from_bytes(mime, policy=email.policy.default)
        headers = {name.lower(): str(value) for name, value in parsed.items()}
    else:
        headers = {header["name"].lower(): header["value"] for header in stored.get("headers") or []}
    return StoredMail(
        message_id=stored["messageId"],
        to=", ".join(stored["destination"]["to"]),
        sender=stored["from"],
        reply_to=", ".join(stored["replyTo"]),
        subject=stored["subject"],
        html=stored["body"].get("html") or "",
        text=stored["body"].get("text") or "",
        headers=headers,
        mime=mime,
    )


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


class _Proxy(ThreadingHTTPServer):
    """Passes requests on to the emulator; remembers raw messages by message id, and which requests came."""

    daemon_threads = True
    request_queue_size = 128  # many threads connect at once; a full queue would look like a fault of ours

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.port = port
        self.lock = threading.Lock()
        self.raw: dict[str, str] = {}
        self.seen: list[str] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client that was killed has gone away: tests do that on purpose."""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def do_GET(self) -> None:
        if self.path == "/raw-messages":
            self._answer(200, json.dumps(self.server.raw).encode())
        elif self.path == "/requests-seen":
            self._answer(200, json.dumps(self.server.seen).encode())
        else:
            self._pass_on(b"")

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _pass_on(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        kept = ("Content-Type", "Authorization")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        answer = response.read()
        upstream.close()
        with self.server.lock:
            if self.path.startswith("/v2/"):
                self.server.seen.append(f"{self.command} {self.path}")
            if self.path == "/clear-store":
                self.server.raw.clear()
                self.server.seen.clear()
            elif self.path == "/v2/email/outbound-emails" and response.status == 200:
                data = json.loads(body)["Content"].get("Raw", {}).get("Data", "")
                self.server.raw[json.loads(answer)["MessageId"]] = data
        self._answer(response.status, answer, response.getheader("Content-Type") or "application/json")

    def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the parent's name)
        """Say nothing: the tests' output is for results."""


def _wait(emulator: "subprocess.Popen[bytes]", port: int, log: Any) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health-check", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if emulator.poll() is not None:
                break
            time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"aws-ses-v2-local did not start:\n{log.read()}")


def _program() -> Path:
    """Return the emulator's script, installed by npm if it is missing."""
    if shutil.which("node") is None:
        do_without("the SES emulator needs node, which is not installed")
    return npm_file("aws-ses-v2-local", VERSION, "dist/cli.js")
