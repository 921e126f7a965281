"""Delivery is tested on both databases: the ledger is where they differ."""

import pytest
from sqlalchemy import Engine

from tests.databases import database_url, engine, postgres_server
from tests.delivery.driver import Driver

__all__ = ["database_url", "engine", "postgres_server"]


@pytest.fixture
def campaign(engine: Engine) -> Driver:
    """A campaign that is not planned yet: a real database, a sender in memory, noon on 2 November."""
    return Driver(engine)
