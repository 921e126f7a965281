"""Figures and texts as people read them."""

import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

__all__ = ["cleaned", "day", "duration", "moment", "on", "share"]


def cleaned(text: str) -> str:
    """Return a text from outside on one line, without control or invisible characters.

    >>> cleaned("smtp;\\x1b[2J 550\\u202e\\n  no such user")
    'smtp; [2J 550 no such user'
    """
    shown = (" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    return " ".join("".join(shown).split())


def share(part: int, whole: int) -> str:
    """Return a part in percent, with as many digits as can be told apart; "" of nothing.

    >>> share(1190, 1204), share(1, 41210), share(3, 3), share(0, 9), share(1, 0), share(99999, 100000)
    ('98.8 %', '0.002 %', '100 %', '0 %', '', '99.9 %')
    """
    if not whole:
        return ""
    percent = 100 * part / whole
    if part in (0, whole):
        return f"{percent:.0f} %"
    digits = 1 if percent >= 0.95 else 2 if percent >= 0.095 else 3
    return f"{min(percent, 99.9) if part < whole else percent:.{digits}f} %"


def duration(seconds: float) -> str:
    """Return a span of time in its two largest units.

    >>> duration(0), duration(45), duration(720), duration(11520), duration(190000)
    ('under a second', '45 s', '12 min', '3 h 12 min', '2 d 4 h')
    """
    whole = int(seconds)
    if whole < 1:
        return "under a second"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        number, whole = divmod(whole, size)
        if number or parts:
            parts.append(f"{number} {name}" if number else "")
    return " ".join(part for part in parts[:2] if part)


def on(when: date) -> str:
    """Return a date without its year.

    >>> on(date(2026, 11, 3))
    '3 Nov'
    """
    return f"{when.day} {when:%b}"


def day(at: datetime, zone: ZoneInfo) -> str:
    """Return the date of an instant.

    >>> day(datetime.fromisoformat("2026-11-03T02:30+00:00"), ZoneInfo("America/Halifax"))
    '2 Nov 2026'
    """
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as a date with the time.

    >>> moment(datetime.fromisoformat("2026-11-03T13:00+00:00"), ZoneInfo("America/Halifax"))
    '3 Nov 2026, 09:00'
    """
    return f"{day(at, zone)}, {at.astimezone(zone):%H:%M}"
