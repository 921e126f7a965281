"""The slot language, and on which dates a slot comes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import ConfigError
from newsletter.schedule.slots import Occurrence, Slot, latest, read_slot, upcoming
from tests.schedule.test_walls import BERLIN, HALIFAX, LORD_HOWE, ZONES

PLACES = ("first", "second", "third", "fourth", "fifth", "last", "every")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def dates(slot: str, zone: ZoneInfo, since: datetime, count: int) -> list[Occurrence]:
    """Return the next dates of a slot."""
    found = [upcoming(read_slot(slot), zone, since)]
    while len(found) < count:
        found.append(upcoming(read_slot(slot), zone, found[-1].at))
    return found


@pytest.mark.parametrize(
    ("text", "canonical", "first", "second"),
    [
        ("first tuesday 09:00", "first tuesday 09:00", "2026-12-01 09:00", "2027-01-05 09:00"),
        ("1st Tue at 9:00", "first tuesday 09:00", "2026-12-01 09:00", "2027-01-05 09:00"),
        ("last  FRIDAY 18:30", "last friday 18:30", "2026-11-27 18:30", "2026-12-25 18:30"),
        ("fifth sunday 10:00", "fifth sunday 10:00", "2026-11-29 10:00", "2027-01-31 10:00"),
        ("every monday 08:00", "every monday 08:00", "2026-11-30 08:00", "2026-12-07 08:00"),
        ("15th 08:30", "15th 08:30", "2026-12-15 08:30", "2027-01-15 08:30"),
        ("31st 8:30", "31st 08:30", "2026-12-31 08:30", "2027-01-31 08:30"),
        ("last day 17:00", "last day 17:00", "2026-11-30 17:00", "2026-12-31 17:00"),
        ("30 9 15 * *", "30 9 15 * *", "2026-12-15 09:30", "2027-01-15 09:30"),
        ("0 9 * * 7", "0 9 * * 7", "2026-11-29 09:00", "2026-12-06 09:00"),
        ("0 9 * * 0", "0 9 * * 0", "2026-11-29 09:00", "2026-12-06 09:00"),
        ("0 9 * * 2", "0 9 * * 2", "2026-12-01 09:00", "2026-12-08 09:00"),
        ("0 9 * * sat-mon", "0 9 * * sat-mon", "2026-11-28 09:00", "2026-11-29 09:00"),
        ("0 9 1,15 1-6 *", "0 9 1,15 1-6 *", "2027-01-01 09:00", "2027-01-15 09:00"),
        ("0 9 29 2 *", "0 9 29 2 *", "2028-02-29 09:00", "2032-02-29 09:00"),
    ],
)
def test_a_slot_is_understood(text: str, canonical: str, first: str, second: str) -> None:
    assert str(read_slot(text)) == canonical
    assert [found.wall for found in dates(text, BERLIN, NOON, 2)] == [
        f"{first} Europe/Berlin",
        f"{second} Europe/Berlin",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("monthly", "cannot be understood"),
        ("", "cannot be understood"),
        ("fist tuesday 09:00", 'Did you mean "first"?'),
        ("first tusday 09:00", 'Did you mean "tuesday"?'),
        ("first tuesday", "cannot be understood"),
        ("first tuesday 24:00", "no time 24:00"),
        ("32nd 09:00", "no day 32"),
        ("0 9 1-7 * 2", "a day or a weekday"),
        ("*/5 9 * * *", "once a day"),
        ("0 9,18 * * *", "once a day"),
        ("0 9 * * 8", "is no weekday"),
        ("0 9 * * */0", "a step is 1"),
        ("0 9 * janvier *", "month name"),
        ("0 9 30 2 *", "never comes"),
        ("0 9 " + "1," * 60 + "2 * *", "too long"),
    ],
)
def test_what_is_no_slot_is_refused_with_examples(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"(?i){said}") as caught:
        read_slot(text)
    assert "first tuesday 09:00" in caught.value.hint and caught.value.exit_code == 3


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
on_weekdays = st.builds("{} {}".format, st.sampled_from(PLACES), st.sampled_from(WEEKDAYS))
on_days = st.integers(1, 31).map(
    lambda day: f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
)
cron = st.builds(
    "{1} {0} {2}".format,
    st.integers(0, 23),
    st.integers(0, 59),
    st.one_of(
        st.integers(1, 28).map("{} * *".format),
        st.integers(0, 7).map("* * {}".format),
        st.tuples(st.integers(1, 12), st.integers(1, 28)).map(lambda pair: f"{pair[1]} {pair[0]} *"),
    ),
)
texts = st.one_of(
    st.builds("{} {}".format, st.one_of(on_weekdays, on_days, st.just("last day")), times), cron
)


@given(texts)
def test_a_slot_is_read_back_from_how_it_is_written(text: str) -> None:
    slot = read_slot(text)
    assert str(slot) == text
    assert read_slot(str(slot)) == slot
    assert read_slot(f"  {text.upper()} ") == slot


@settings(deadline=None)
@given(texts, st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1)), st.sampled_from(ZONES))
def test_dates_come_in_order_once_each_and_meet_in_the_middle(
    text: str, at: datetime, zone: ZoneInfo
) -> None:
    slot, now = read_slot(text), at.replace(tzinfo=UTC)
    found = dates(text, zone, now, 3)
    for one, other in pairwise(found):
        assert now < one.at < other.at and one.date < other.date
        assert latest(slot, zone, other.at - timedelta(seconds=1)) == one
        assert latest(slot, zone, one.at) == one
    for each in found:
        assert each.at.astimezone(zone).date() == each.date
        assert fits(slot, each)


def fits(slot: Slot, found: Occurrence) -> bool:
    """Say by the calendar alone whether a date is one of the slot's."""
    words = slot.text.split()
    day = found.date
    if words[0] in PLACES and words[1] in WEEKDAYS:
        week = (day.day - 1) // 7
        places = {"every": True, "last": (day + timedelta(days=7)).month != day.month}
        return WEEKDAYS[day.weekday()] == words[1] and places.get(words[0], week == PLACES.index(words[0]))
    if words[:2] == ["last", "day"]:
        return (day + timedelta(days=1)).month != day.month
    if len(words) == 2:
        return f"{day.day}" == words[0][:-2]
    weekday = words[4] == "*" or day.isoweekday() % 7 == int(words[4]) % 7
    return weekday and words[2] in ("*", f"{day.day}") and words[3] in ("*", f"{day.month}")


@pytest.mark.parametrize(
    ("slot", "zone", "since", "wall"),
    [
        # the last Sunday of March, when 02:00 becomes 03:00
        ("last sunday 02:30", BERLIN, "2027-03-20", "2027-03-28 03:30 Europe/Berlin"),
        ("second sunday 02:30", HALIFAX, "2027-03-10", "2027-03-14 03:30 America/Halifax"),
        # half an hour only: 02:00 becomes 02:30
        ("first sunday 02:15", LORD_HOWE, "2026-10-01", "2026-10-04 02:45 Australia/Lord_Howe"),
    ],
)
def test_in_spring_a_slot_that_the_clocks_skip_moves_forward_with_them(
    slot: str, zone: ZoneInfo, since: str, wall: str
) -> None:
    found = upcoming(read_slot(slot), zone, datetime.fromisoformat(since).replace(tzinfo=UTC))
    assert found.wall == wall and "does not exist" in found.remark


@pytest.mark.parametrize(
    ("slot", "zone", "since", "at"),
    [
        ("last sunday 02:30", BERLIN, "2026-10-20", "2026-10-25T02:30+02:00"),
        ("first sunday 01:30", HALIFAX, "2026-10-30", "2026-11-01T01:30-03:00"),
        ("first sunday 01:45", LORD_HOWE, "2027-04-01", "2027-04-04T01:45+11:00"),
    ],
)
def test_in_autumn_a_slot_that_the_clocks_repeat_comes_once_the_first_time(
    slot: str, zone: ZoneInfo, since: str, at: str
) -> None:
    found = upcoming(read_slot(slot), zone, datetime.fromisoformat(since).replace(tzinfo=UTC))
    assert found.at == datetime.fromisoformat(at) and "happens twice" in found.remark
    following = upcoming(read_slot(slot), zone, found.at)
    assert following.date - found.date >= timedelta(days=28)


@pytest.mark.parametrize("zone", ZONES)
def test_over_a_whole_year_the_wall_clock_shows_the_same_time_except_where_there_is_none(
    zone: ZoneInfo,
) -> None:
    days = dates("0 2 * * *", zone, datetime(2026, 1, 1, tzinfo=UTC), 365)
    odd = [found for found in days if found.at.astimezone(zone).strftime("%H:%M") != "02:00"]
    assert [found.remark != "" for found in odd] == [True]
    assert len({found.date for found in days}) == 365
