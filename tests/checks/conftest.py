"""A workspace for the issues under test, and a web site for their links."""

from collections.abc import Iterator

import pytest

from tests.checks.drafts import Table, make_table
from tests.checks.website import Web, serving


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A workspace like the repository's, without its issues."""
    return make_table(tmp_path_factory.mktemp("checks") / "table")


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """The address of a web site on this computer."""
    with serving() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def site(web: str) -> str:
    """The web site, not yet asked for anything."""
    Web.asked.clear()
    return web
