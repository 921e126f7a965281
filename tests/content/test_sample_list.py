"""The sample list is fictional, varied, and can be imported without a complaint."""

import csv

import pytest

from newsletter.people.addresses import parse_address

from .conftest import ROOT


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    """The rows of subscribers/sample.csv."""
    with (ROOT / "subscribers" / "sample.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_every_address_is_valid_unique_and_can_belong_to_nobody(rows: list[dict[str, str]]) -> None:
    addresses = [parse_address(row["email"]) for row in rows]
    assert len({address.key for address in addresses}) == len(rows) == 40
    assert all(address.sendable for address in addresses)
    assert all(row["email"].endswith("@example.org") for row in rows)


def test_it_holds_the_people_that_a_template_must_cope_with(rows: list[dict[str, str]]) -> None:
    names = [f"{row['first_name']} {row['last_name']}".strip() for row in rows]
    assert names.count("") == 1
    assert max(map(len, names)) > 60
    assert any("\u0600" <= name[0] <= "\u06ff" for name in names if name)
    assert sum(not name.isascii() for name in names) >= 10


def test_every_segment_of_the_settings_has_somebody_in_it(rows: list[dict[str, str]]) -> None:
    tags = [set(filter(None, row["tags"].split(","))) for row in rows]
    assert set().union(*tags) == {"families", "professionals", "group"}
    assert any("group" in tag and "professionals" not in tag for tag in tags)
    assert set() in tags
