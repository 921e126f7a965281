"""Fixtures. Import them into a conftest.py: ``from tests.fakeses.fixture import fake_ses``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakeses.client import FakeSes

__all__ = ["fake_ses", "fake_ses_process"]


@pytest.fixture
def fake_ses(tmp_path: Path) -> Iterator[FakeSes]:
    """An endpoint in a thread, without fsync: for tests of what it does, not of its survival."""
    with FakeSes.start(tmp_path, in_thread=True, fsync=False) as ses:
        yield ses


@pytest.fixture
def fake_ses_process(tmp_path: Path) -> Iterator[FakeSes]:
    """An endpoint as a process of its own, its log on disk before each answer."""
    with FakeSes.start(tmp_path) as ses:
        yield ses
