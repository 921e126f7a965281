"""The plots of a report, each told as a table, too. Wide ones are drawn a second time for narrow screens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from markupsafe import Markup

from newsletter.reporting.drawing import (
    area,
    block,
    dot,
    grid,
    line,
    shortened,
    steps,
    thinned,
    units,
    write,
)
from newsletter.reporting.figures import Heard, Pace, Reach, Timeline
from newsletter.reporting.sections import Table, pace_in_words
from newsletter.reporting.svg import TEXT, Sheet
from newsletter.reporting.wording import duration

__all__ = ["Bar", "Caption", "Column", "Plot", "arrivals", "bars", "columns", "reached"]

_WHOLE: Final = {"wide": 780, "narrow": 340}  #: pixels: across the page
_HALF: Final = {"half": 350}  #: one of two that stand side by side, or as wide as a narrow screen
_WATCHED: Final = 72  #: hours after the start in which opens and clicks are drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """What a plot says without being seen. says: what it shows. key: role and name of each thing drawn."""

    name: str
    title: str
    says: str
    key: Sequence[tuple[str, str]]
    table: Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A plot. drawings: for "wide" and "narrow" screens, or "half" the page for both."""

    caption: Caption
    drawings: Mapping[str, Markup]

    @property
    def whole(self) -> bool:
        """Whether it is as wide as the page."""
        return "wide" in self.drawings


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A horizontal bar. parts: role and length of each piece. label and note stand above it."""

    label: str
    note: str
    parts: Sequence[tuple[str, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column over its label. up, down: role and height of each piece, seen from zero. note: on top."""

    label: str
    up: Sequence[tuple[str, float]] = ()
    down: Sequence[tuple[str, float]] = ()
    note: str = ""


def arrivals(timeline: Timeline, pace: Pace, heard: Heard) -> Plot:
    """Return how many had been sent, and delivered, at each moment since the first mail."""
    width = timeline.width
    sent, delivered = (_running(counts, width) for counts in (timeline.sent, timeline.delivered))
    most = sent[-1][1]
    late = [at for at, so_far in delivered if so_far >= delivered[-1][1] * 0.99]
    end = max(sent[-1][0], late[0] if late else 0, 2 * width)
    size, unit = units(end)
    marks = [
        (after, share)
        for after, share in ((pace.half_after, 0.5), (pace.most_after, 0.95))
        if after is not None and after + width <= end
    ]

    def draw(room: int, kind: str) -> Sheet:
        sheet = Sheet(room, 330 if kind == "wide" else 270, margins=(52, 14, 16, 32))
        axes, scale = sheet.axes, steps(most)
        axes.set_xlim(0, end)
        axes.set_ylim(0, scale[-1])
        grid(axes, scale)
        for tick in steps(end / size, about=7 if kind == "wide" else 4, whole=True):
            if tick * size <= end * 1.001:
                said = f"{tick:g} {unit}" if tick else "0"
                write(axes, tick * size, 0, said, shift=(0, -22))
        xs, ys = _until(delivered, end)
        area(axes, xs, ys, "delivered")
        line(axes, *_until(sent, end), "sent", 2)
        line(axes, xs, ys, "delivered", 2.6)
        for place, (after, share) in enumerate(marks):
            x, y = after + width, most * share
            line(axes, [x, x], [0, y], "delivered")
            dot(axes, x, y, "delivered")
            late = x > end * 0.7
            shift = (-8 if late else 8, 10 + 20 * place)
            said = f"{share * 100:.0f} % after {duration(after)}"
            write(axes, x, 0, said, role="ink", anchor="right" if late else "left", shift=shift)
        return sheet

    said = " ".join(pace_in_words(pace, heard))
    if end < delivered[-1][0]:
        said += f" The last one took {duration(delivered[-1][0])}, longer than is drawn."
    rows = []
    for tick in steps(end / size, about=8):
        at = tick * size
        rows.append([f"{tick:g} {unit}", f"{_at(sent, at):,}", f"{_at(delivered, at):,}"])
    table = Table(head=("After", "Sent", "Delivered"), rows=rows)
    key = (("sent", "sent"), ("delivered", "delivered"))
    caption = Caption(name="arrivals", title="Deliveries over time", says=said, key=key, table=table)
    return _plot(caption, draw, _WHOLE)


def reached(kind: str, reach: Reach, *, half: bool) -> Plot:
    """Return how many people, and machines, had opened or clicked after so many hours.

    kind: "Opens" or "Clicks". half: of the page's width.
    """
    lines = [
        (
            role,
            [(0, 0), *((hour + 1, so_far) for hour, so_far in _running(counts, 1)[1:] if hour <= _WATCHED)],
        )
        for role, counts in (("machines", reach.machines.by_hour), ("people", reach.people.by_hour))
    ]
    most = max(reach.people.people, reach.machines.people)

    def draw(room: int, _: str) -> Sheet:
        sheet = Sheet(room, 250, margins=(48, 14, 16, 32))
        axes, scale = sheet.axes, steps(most)
        axes.set_xlim(0, _WATCHED)
        axes.set_ylim(0, scale[-1])
        grid(axes, scale)
        for hours, said in ((0, "0"), (24, "1 day"), (48, "2 days"), (72, "3 days")):
            write(axes, hours, 0, said, shift=(0, -22), anchor="right" if hours == _WATCHED else "center")
        for role, points in lines:
            line(axes, *_until(points, _WATCHED), role, 2.6 if role == "people" else 2)
        return sheet

    rows = [
        [said, *(f"{_at(points, hours):,}" for _, points in reversed(lines))]
        for hours, said in ((1, "1 hour"), (6, "6 hours"), (24, "1 day"), (48, "2 days"), (72, "3 days"))
    ]
    verb = kind.lower().removesuffix("s")
    said = (
        f"{reach.people.people:,} {verb}ed it, as it seems people; "
        f"{reach.machines.people:,} letters were {verb}ed by programs."
    )
    table = Table(head=("After", "People", "Programs"), rows=rows)
    key = (("people", "people, as it seems"), ("machines", "programs"))
    caption = Caption(name=verb, title=kind, says=said, key=key, table=table)
    return _plot(caption, draw, _HALF if half else _WHOLE)


def bars(caption: Caption, rows: Sequence[Bar]) -> Plot:
    """Return bars below one another."""
    longest = max(sum(length for _, length in row.parts) for row in rows)

    def draw(room: int, _: str) -> Sheet:
        sheet = Sheet(room, 46 * len(rows) + 8, margins=(0, 0, 0, 0))
        axes = sheet.axes
        axes.set_xlim(0, room)
        axes.set_ylim(46 * len(rows) + 8, 0)
        for place, row in enumerate(rows):
            top = 46 * place
            write(axes, room, top + 16, row.note, anchor="right")
            free = room - 0.58 * TEXT * (len(row.note) + 2)
            label = shortened(row.label, int(free / (0.53 * TEXT)))
            write(axes, 0, top + 16, label, anchor="left", role="ink")
            block(axes, 0, top + 24, room, 10, "grid")
            x = 0.0
            for role, length in row.parts:
                block(axes, x, top + 24, room * length / longest, 10, role)
                x += room * length / longest
        return sheet

    return _plot(caption, draw, _HALF)


def columns(
    caption: Caption,
    row: Sequence[Column],
    *,
    half: bool = False,
    mark: tuple[int, str] | None = None,
    unit: str = "",
) -> Plot:
    """Return columns beside one another.

    half: of the page's width. mark: place of a column that matters, and why. unit: of fractions; else people.
    """
    high = max(sum(size for _, size in each.up) for each in row)
    low = max(sum(size for _, size in each.down) for each in row)

    def draw(room: int, kind: str) -> Sheet:
        sheet = Sheet(room, 270 if kind == "wide" and not half else 230, margins=(52, 6, 26, 32))
        axes, whole = sheet.axes, not unit
        up = steps(high, about=3 if low else 4, whole=whole)
        step = max(up[1], steps(low, about=3, whole=whole)[1] if low else 0)
        above = [step * place for place in range(-int(-high // step) + 1)] if high else [0.0]
        below = [-step * place for place in range(1, -int(-low // step) + 1)]
        marks = [*reversed(below), *above] if len(above) + len(below) > 1 else [0.0, step]
        axes.set_xlim(0, len(row))
        axes.set_ylim(marks[0], marks[-1])
        grid(axes, marks, unit=unit)
        thick = min(0.72, 56 / (room / len(row)))
        if mark is not None:
            place, why = mark
            x = place + 0.5
            line(axes, [x, x], [marks[0], marks[-1]], "ink", 1.2)
            late = place > len(row) / 2
            write(axes, x, marks[-1], why, role="ink", anchor="right" if late else "left", shift=(0, 8))
        for place, each in enumerate(row):
            left = place + (1 - thick) / 2
            for pieces, sign in ((each.up, 1), (each.down, -1)):
                start = 0.0
                for role, size in pieces:
                    block(axes, left, start, thick, sign * size, role)
                    start += sign * size
            if each.note and room / len(row) > 40:
                write(
                    axes, place + 0.5, sum(size for _, size in each.up), each.note, role="ink", shift=(0, 5)
                )
        most = int(room / (14 + 0.56 * TEXT * max(len(each.label) for each in row)))
        for place in thinned(len(row), max(1, most)):
            write(axes, place + 0.5, marks[0], row[place].label, shift=(0, -22))
        return sheet

    return _plot(caption, draw, _HALF if half else _WHOLE)


def _plot(caption: Caption, draw: Callable[[int, str], Sheet], rooms: Mapping[str, int]) -> Plot:
    drawings = {
        kind: draw(room, kind).markup(f"{caption.name}-{kind}", caption.title, caption.says)
        for kind, room in rooms.items()
    }
    return Plot(caption=caption, drawings=drawings)


_Points = Sequence[tuple[float, int]]


def _running(counts: Mapping[int, int], width: int) -> list[tuple[float, int]]:
    """Return the sum so far at the end of each span, beginning with nothing."""
    places = sorted(counts)
    sums = accumulate(counts[place] for place in places)
    points: list[tuple[float, int]] = [(0, 0)]
    for place, so_far in zip(places, sums, strict=True):
        if place * width > points[-1][0]:  # nothing happened meanwhile
            points.append((place * width, points[-1][1]))
        points.append(((place + 1) * width, so_far))
    return points


def _at(points: _Points, at: float) -> int:
    return max((so_far for when, so_far in points if when <= at), default=0)


def _until(points: _Points, end: float) -> tuple[list[float], list[float]]:
    """Return the points as they are drawn: up to the end of the area, and level from the last one on."""
    inside = [(when, so_far) for when, so_far in points if when <= end]
    inside.append((end, inside[-1][1]))
    return [float(when) for when, _ in inside], [float(so_far) for _, so_far in inside]
