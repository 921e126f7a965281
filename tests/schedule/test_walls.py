"""What a wall clock time means where the newsletter is at home, also when clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import UsageError
from newsletter.schedule.walls import read_when, resolve, shown

BERLIN, HALIFAX, LORD_HOWE = (
    ZoneInfo(name) for name in ("Europe/Berlin", "America/Halifax", "Australia/Lord_Howe")
)
ZONES = (BERLIN, HALIFAX, LORD_HOWE)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-30 09:00", "2026-11-30T08:00:00+00:00"),
        ("  2026-11-30   9:00 ", "2026-11-30T08:00:00+00:00"),
        ("2026-11-30T09:00", "2026-11-30T08:00:00+00:00"),
        ("2026-11-30T09:00-04:00", "2026-11-30T13:00:00+00:00"),
        ("2026-11-30T09:00:30Z", "2026-11-30T09:00:30+00:00"),
        ("2026-07-01 09:00", "2026-07-01T07:00:00+00:00"),
    ],
)
def test_a_time_is_in_the_newsletters_zone_unless_it_has_an_offset(text: str, instant: str) -> None:
    assert read_when(text, BERLIN).instant == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-11-30", "09:00", "2026-02-30 09:00", "2026-11-30 25:00", "30.11.2026 09:00",
     "2026-11-30 09:00 CET", "0001-01-01 00:00", "٢٠٢٦-11-30 09:00", "2026-11-30 09:00\n2026-11-30 10:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_when(text, BERLIN)
    assert "2026-11-30 09:00" in caught.value.hint and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("zone", "missing", "before", "after"),
    [
        (BERLIN, "2027-03-28 02:30", "2027-03-28 01:59", "2027-03-28 03:00"),
        (HALIFAX, "2027-03-14 02:00", "2027-03-14 01:59", "2027-03-14 03:00"),
        (LORD_HOWE, "2026-10-04 02:29", "2026-10-04 01:59", "2026-10-04 02:30"),
    ],
)
def test_a_time_that_clocks_skip_is_refused_with_the_two_nearest(
    zone: ZoneInfo, missing: str, before: str, after: str
) -> None:
    with pytest.raises(UsageError, match=f"does not exist in {zone.key}") as caught:
        read_when(missing, zone)
    assert before in caught.value.hint and after in caught.value.hint
    for neighbour in (before, after):
        assert read_when(neighbour, zone).remark == ""


@pytest.mark.parametrize(
    ("zone", "doubled", "gap"),
    [
        (BERLIN, "2026-10-25 02:30", 60),
        (HALIFAX, "2026-11-01 01:30", 60),
        (LORD_HOWE, "2027-04-04 01:45", 30),
    ],
)
def test_of_a_time_that_happens_twice_the_first_is_meant_and_the_second_can_be_named(
    zone: ZoneInfo, doubled: str, gap: int
) -> None:
    when = read_when(doubled, zone)
    assert "happens twice" in when.remark and "(first, UTC" in when.wall
    second = read_when(when.remark.rpartition(" ")[2], zone)
    assert second.instant - when.instant == timedelta(minutes=gap)
    assert "(second, UTC" in second.wall and second.remark == ""


def test_what_is_shown_fits_its_column_in_the_longest_zone() -> None:
    zone = ZoneInfo("America/Argentina/ComodRivadavia")
    assert len(shown(datetime(2009, 3, 15, 2, 30, tzinfo=UTC), zone)) <= 80


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(
        lambda at: at.replace(second=0, microsecond=0)
    ),
    st.sampled_from(ZONES),
)
def test_any_time_that_exists_is_read_back_from_how_it_is_shown(wall: datetime, zone: ZoneInfo) -> None:
    found = resolve(wall, zone)
    local = found.instant.astimezone(zone).replace(tzinfo=None, fold=0)
    if found.kind == "missing":
        assert timedelta(0) < local - wall <= timedelta(hours=1)
    else:
        assert local == wall
        assert read_when(f"{wall:%Y-%m-%d %H:%M}", zone).instant == found.instant
