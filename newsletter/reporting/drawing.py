"""What plots are drawn of: texts, lines, blocks, and scales with round numbers."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from newsletter.reporting.svg import TEXT, colour

__all__ = [
    "area",
    "block",
    "dot",
    "grid",
    "line",
    "number",
    "shortened",
    "steps",
    "thinned",
    "units",
    "write",
]

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_UNITS = ((120, 1, "s"), (2.5 * 3600, 60, "min"), (72 * 3600, 3600, "h"), (math.inf, 86400, "d"))


def write(
    axes: Axes,
    x: float,
    y: float,
    said: str,
    *,
    anchor: str = "center",
    role: str = "muted",
    shift: tuple[float, float] = (0, 0),
) -> None:
    """Put a text on its baseline at a place in the area's own units. shift: in pixels, right and up."""
    axes.annotate(
        said,
        (x, y),
        xytext=shift,
        textcoords="offset pixels",
        ha=anchor,
        va="baseline",
        color=colour(role),
        fontsize=TEXT,
        annotation_clip=False,
        parse_math=False,
    )


def line(
    axes: Axes,
    xs: Sequence[float],
    ys: Sequence[float],
    role: str,
    width: float = 1.0,
    *,
    below: bool = False,
) -> None:
    """Draw a line, below everything else or over it; that of machines is dashed."""
    (drawn,) = axes.plot(xs, ys, color=colour(role), linewidth=width, clip_on=False, zorder=0 if below else 3)
    if role == "machines":
        drawn.set_dashes((2.5, 1.5))


def area(axes: Axes, xs: Sequence[float], ys: Sequence[float], role: str) -> None:
    """Tint what is below a line."""
    around = ([*xs, xs[-1], xs[0]], [*ys, 0, 0])
    axes.fill(*around, color=colour(role), alpha=0.16, linewidth=0, clip_on=False)


def block(axes: Axes, left: float, bottom: float, width: float, height: float, role: str) -> None:
    """Draw a filled rectangle, nothing if it has no size."""
    if width and height:
        around = (
            [left, left + width, left + width, left],
            [bottom, bottom, bottom + height, bottom + height],
        )
        axes.fill(*around, color=colour(role), linewidth=0, clip_on=False)


def dot(axes: Axes, x: float, y: float, role: str) -> None:
    """Mark a point."""
    axes.plot(
        [x, x], [y, y], color=colour(role), linewidth=9, solid_capstyle="round", clip_on=False, zorder=3
    )


def grid(axes: Axes, marks: Sequence[float], *, unit: str = "") -> None:
    """Draw the scale of an area: a line across it and a number for each mark; below zero without the sign."""
    left, right = axes.get_xlim()
    for mark in marks:
        line(axes, [left, right], [mark, mark], "muted" if mark == 0 else "grid", below=mark != 0)
        write(axes, left, mark, f"{number(abs(mark))}{unit}", anchor="right", shift=(-9, -4.5))


def number(value: float) -> str:
    """Return a number as a scale shows it.

    >>> number(0), number(2.5), number(1500), number(25000), number(1500000)
    ('0', '2.5', '1,500', '25k', '1.5M')
    """
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def steps(most: float, *, about: int = 4, whole: bool = True) -> list[float]:
    """Return round numbers from 0 up to ``most`` or just above it. whole: no fractions.

    >>> steps(1204), steps(3), steps(0), steps(1.1, whole=False)
    ([0.0, 500.0, 1000.0, 1500.0], [0.0, 1.0, 2.0, 3.0], [0.0, 1.0], [0.0, 0.5, 1.0, 1.5])
    """
    most = most if most > 0 else 1.0
    size = 10.0 ** math.floor(math.log10(most / about))
    step = next(size * each for each in _ROUND if size * each >= most / about * 0.999)
    if whole:
        step = float(math.ceil(step))
    return [step * place for place in range(math.ceil(most / step - 1e-9) + 1)]


def units(seconds: float) -> tuple[int, str]:
    """Return the seconds and the name of the unit that a scale of so many seconds is best told in.

    >>> units(90), units(1200), units(7200 * 10), units(400000)
    ((1, 's'), (60, 'min'), (3600, 'h'), (86400, 'd'))
    """
    return next((size, name) for below, size, name in _UNITS if seconds < below)


def thinned(count: int, most: int) -> list[int]:
    """Return at most so many places of a row, evenly spaced, the first among them.

    >>> thinned(5, 8), thinned(10, 4)
    ([0, 1, 2, 3, 4], [0, 3, 6, 9])
    """
    every = max(1, math.ceil(count / most))
    return list(range(0, count, every))


def shortened(said: str, longest: int) -> str:
    """Return a text of at most so many characters.

    >>> shortened("mail.example.org", 20), shortened("mail.example.org", 8)
    ('mail.example.org', 'mail.ex…')
    """
    return said if len(said) <= longest else f"{said[: longest - 1].rstrip()}…"
