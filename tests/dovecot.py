"""A real IMAP server for tests: Debian's dovecot, over TLS, with one user, started once a session.

Import the fixture into a conftest.py: ``from tests.dovecot import imap_server``. Where dovecot is not
installed its tests are skipped, loudly; with CI or NEWSLETTER_TEST_ALL set they fail instead.
"""

import getpass
import grp
import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.settings import Inbox
from tests.emulators import free_port
from tests.node_packages import do_without

__all__ = ["ImapServer", "imap_server"]

_PROGRAM = Path("/usr/sbin/dovecot")
_CONFIG = """
protocols = imap
base_dir = {folder}/run
log_path = {folder}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {uid}
disable_plaintext_auth = yes
auth_failure_delay = 0
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
mail_location = maildir:{folder}/mail
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/passwords
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True, kw_only=True)
class ImapServer:
    """A server whose one user has an empty mailbox at first. ca_file: who signed its certificate."""

    port: int
    ca_file: Path
    folder: Path
    user: str = "leave@example.org"
    password: str = field(default="a password for tests", repr=False)

    def inbox(self, folder: str) -> Inbox:
        """Return the settings that lead to one of the user's folders."""
        return Inbox(kind="imap", host="localhost", port=self.port, user=self.user, folder=folder)

    @property
    def env(self) -> dict[str, str]:
        """The variables that go with them."""
        return {"NEWSLETTER_IMAP_PASSWORD": self.password, "NEWSLETTER_IMAP_CA_FILE": str(self.ca_file)}

    @contextmanager
    def client(self, folder: str) -> Iterator[imaplib.IMAP4_SSL]:
        """Give a client of another kind, such as a telephone, that has opened a folder."""
        tls = ssl.create_default_context(cafile=str(self.ca_file))
        with imaplib.IMAP4_SSL("localhost", self.port, ssl_context=tls, timeout=30) as client:
            client.login(self.user, self.password)
            client.create(folder)
            client.select(folder)
            yield client

    def deliver(self, folder: str, mail: bytes, at: datetime | None = None, flags: str = "") -> None:
        """Put a mail into a folder, as if it had arrived."""
        with self.client(folder) as client:
            when = imaplib.Time2Internaldate(at) if at else None
            status, answer = client.append(folder, f"({flags})", when, mail)
            assert status == "OK", answer

    def unread(self, folder: str) -> int:
        """Return how many mails of a folder nobody has read."""
        with self.client(folder) as client:
            return len(client.search(None, "UNSEEN")[1][0].split())


@pytest.fixture(scope="session")
def imap_server() -> Iterator[ImapServer]:
    """A dovecot of our own on a free loopback port, stopped and removed at the end."""
    if not _PROGRAM.exists():
        do_without("IMAP needs dovecot, which is not installed (Debian: dovecot-imapd)")
    # root hands everything to the user of the package: no mail is kept for root, and pytest's own
    # folders are closed to others
    user = "dovecot" if os.geteuid() == 0 else getpass.getuser()
    account = pwd.getpwnam(user)
    folder = Path(tempfile.mkdtemp(prefix="newsletter-imap-"))
    server = ImapServer(port=free_port(), ca_file=folder / "ca.pem", folder=folder)
    _make_certificate(folder)
    (folder / "passwords").write_text(f"{server.user}:{{PLAIN}}{server.password}\n", "utf-8")
    group = grp.getgrgid(account.pw_gid).gr_name
    config = _CONFIG.format(folder=folder, user=user, group=group, uid=account.pw_uid, port=server.port)
    (folder / "dovecot.conf").write_text(config, "utf-8")
    for path in (folder, *folder.iterdir()):
        if os.geteuid() == 0:
            shutil.chown(path, user, group)
    folder.chmod(0o755)  # the certificate is read by the tests; the mail is not
    become = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
    command = [*become, str(_PROGRAM), "-F", "-c", str(folder / "dovecot.conf")]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        try:
            if not _answers(process, server.port):
                output.seek(0)
                raise RuntimeError(f"dovecot did not start:\n{output.read()}")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)
            shutil.rmtree(folder, ignore_errors=True)


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    for _ in range(200):
        if process.poll() is not None:
            return False
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def _make_certificate(folder: Path) -> None:
    """Write an authority of our own, and a certificate for localhost that it signed, for a day."""
    now = datetime.now(UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Newsletter tests")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])

    def begin(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )

    authority = begin(ca_name, ca_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    server = begin(name, key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (folder / "server.pem").write_bytes(server.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (folder / "server.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
