"""A report for the terminal, with rich. What comes from outside is plain text there: no markup, no codes."""

from collections.abc import Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from newsletter.reporting import sections
from newsletter.reporting.figures import Growth, IssueFigures, YearFigures
from newsletter.reporting.sections import Line
from newsletter.reporting.wording import moment, share

__all__ = ["issue_text", "year_text"]

_TONES: Final = {"good": "green", "bad": "red", "": ""}


def issue_text(figures: IssueFigures, zone: ZoneInfo, console: Console) -> str:
    """Return the report of one issue, laid out for the console's width."""
    return _printed(Group(*_issue(figures, zone)), console)


def year_text(figures: YearFigures, zone: ZoneInfo, console: Console) -> str:
    """Return a year's issues side by side."""
    return _printed(
        Group(
            Text(f"The issues of {figures.year}", "bold"),
            Text(),
            _grid(sections.side_by_side(figures, zone), 2),
        ),
        console,
    )


def _printed(report: RenderableType, console: Console) -> str:
    with console.capture() as capture:
        console.print(report, crop=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _issue(figures: IssueFigures, zone: ZoneInfo) -> Iterator[RenderableType]:
    sent = figures.standing.sent
    yield Text(figures.title, "bold")
    yield Text(f"{figures.slug}, begun {moment(figures.began, zone)}", "dim")
    if wrong := sections.verdict(figures):
        yield Text(wrong, "yellow", no_wrap=True, overflow="ignore")  # a command is copied whole
    yield from _section("Who got it", sections.who_got_it(figures), total=figures.standing.total)
    yield from _section(f"What the provider says of the {sent:,} sent", sections.provider_says(figures))
    if figures.pace is not None:
        yield Text()
        yield Text(" ".join(sections.pace_in_words(figures.pace, figures.heard)))
    yield from _section(
        "Why mail came back",
        [
            Line(people=each.hard + each.soft, what=each.reason, share=_kinds(each.hard, each.soft))
            for each in figures.reasons
        ],
    )
    yield from _section(
        "Where mail came back",
        [
            Line(
                people=each.hard + each.soft,
                what=f"{sections.domain_name(each.domain)}, of {each.mailed:,} mailed",
                share=share(each.hard + each.soft, each.mailed),
            )
            for each in figures.domains
        ],
    )
    yield from _attention(figures)
    yield from _section(
        f"Who left: {figures.unsubscribed.total:,}", sections.left(figures.unsubscribed, sent), always=True
    )
    yield from _list(figures)
    if (sends := sections.sends(figures, zone)).rows:
        yield Text()
        yield Text("Each send", "bold")
        yield _grid(sends, 2)


def _section(
    title: str, lines: Sequence[Line], *, total: int | None = None, always: bool = False
) -> Iterator[RenderableType]:
    if not lines and not always:
        return
    yield Text()
    yield Text(title, "bold")
    if not lines:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", min_width=10)
    table.add_column()
    table.add_column(justify="right")
    for line in lines:
        style = _TONES[line.tone] if line.people else ""
        table.add_row(Text(f"{line.people:,}", style), Text(line.what), Text(line.share, "dim"))
    if total is not None:
        table.add_row(Text("-" * 10, "dim"))
        table.add_row(Text(f"{total:,}"), Text("in the audience"))
    yield table


def _kinds(hard: int, soft: int) -> str:
    return ", ".join(
        f"{number:,} {name}" for number, name in ((hard, "for good"), (soft, "for now")) if number
    )


def _attention(figures: IssueFigures) -> Iterator[RenderableType]:
    lines = sections.attention(figures)
    if not lines:
        return
    yield from _section("Opens and clicks", lines)
    yield Padding(Text(sections.UNRELIABLE, "dim"), (0, 0, 0, 2))
    yield from _section(
        "Links",
        [
            Line(
                people=each.people,
                what=each.link,
                share=f"and {each.machines:,} programs" if each.machines else "",
            )
            for each in figures.links
        ],
    )


def _list(figures: IssueFigures) -> Iterator[RenderableType]:
    yield Text()
    yield Text(f"The list: {figures.on_the_list:,} confirmed now", "bold")
    before = f"Since {figures.before}" if figures.before else "Before this first issue"
    for title, growth in ((before, figures.grown), ("Since this issue", figures.moved)):
        yield Text(f"  {title}: {_change(growth)}")


def _change(growth: Growth) -> str:
    why = ", ".join(f"{line.people:+,} {line.what}" for line in sections.why_they_came_and_went(growth))
    return f"{growth.came:,} came, {growth.went:,} left" + (f" ({why})" if why else "")


def _grid(figures: sections.Table, numbers_from: int) -> Table:
    """Return figures in columns; from a place on to the right, under their names."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(figures.head):
        number = place >= numbers_from
        table.add_column(name, justify="right" if number else "left", no_wrap=place > 0, overflow="fold")
    for row in figures.rows:
        table.add_row(*map(Text, row))
    return table
