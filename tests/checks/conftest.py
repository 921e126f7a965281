"""A workspace for the issues under test."""

import pytest

from tests.checks.drafts import Table, make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A workspace like the repository's, without its issues."""
    return make_table(tmp_path_factory.mktemp("checks") / "table")
