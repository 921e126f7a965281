"""An account at Amazon, a name server, and a workspace that has never heard of either."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.aws import iam, nameserver
from tests.aws.amazon import Amazon
from tests.aws.nameserver import NameServer
from tests.fakeses import FakeSes
from tests.workspaces import Desk, make_desk

__all__ = ["amazon", "dns", "moto", "office"]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of moto's server."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def amazon(moto: str, tmp_path: Path) -> Iterator[Amazon]:
    """An empty account with production access."""
    with (
        FakeSes.start(tmp_path, in_thread=True, fsync=False, rate=14, quota=50_000) as ses,
        iam.running() as rights,
    ):
        account = Amazon(ses=ses, moto=moto, iam=rights)
        account.clear()
        account.change(enabled=True)
        yield account


@pytest.fixture
def dns() -> Iterator[NameServer]:
    """A name server without records."""
    with nameserver.running() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, amazon: Amazon) -> Desk:
    """The repository's workspace, with Amazon as its provider and nothing set up there."""
    return make_desk(tmp_path / "desk", **amazon.env, NEWSLETTER_SENDER__KIND="ses")
