"""``report``: what became of an issue, or of a year's issues."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.output import State, json_option, pass_state

if TYPE_CHECKING:
    from newsletter.reporting.figures import IssueFigures, YearFigures
    from newsletter.wiring import Services

__all__ = ["COMMANDS"]


@click.command()
@click.argument("issue", required=False)
@click.option("--all", "whole_year", is_flag=True, help="All issues of a year, side by side.")
@click.option("--year", type=click.IntRange(2000, 9998), help="Which year, with --all. Default: the newest.")
@click.option(
    "--html",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it with plots into one file for any browser, which needs nothing else.",
)
@json_option
@pass_state
def report(state: State, issue: str | None, whole_year: bool, year: int | None, file: Path | None) -> None:
    """Show what became of ISSUE: who got it, what came back, who left, who came. It names nobody.

    \b
    Examples:
      newsletter report latest
      newsletter report 2026-11-individual-vs-group --html november.html
      newsletter report --all --year 2026
    """
    from newsletter.errors import UsageError

    if whole_year == (issue is not None) or (year is not None and not whole_year):
        raise UsageError(
            "A report is about one issue, or about all of a year.",
            hint="newsletter report latest, or: newsletter report --all --year 2026",
        )
    services = state.services
    figures = _figures(services, issue, year)
    if file is None:
        state.result(figures.as_dict(), None if state.json else _text(services, figures))
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_page(services, figures), "utf-8")
    state.result(
        {**figures.as_dict(), "html": str(file)}, f"Wrote {services.shown(file)}. Open it in a browser."
    )


def _figures(services: "Services", issue: str | None, year: int | None) -> "IssueFigures | YearFigures":
    from newsletter.reporting.gathering import issue_figures, year_figures
    from newsletter.standing import slug_of

    tracking = services.settings.tracking
    asked: dict[str, Any] = {
        "now": services.clock(),
        "zone": _zone(services),
        "opens": tracking.opens,
        "clicks": tracking.clicks,
    }
    if issue is None:
        return year_figures(services.engine, year, **asked)
    return issue_figures(services.engine, slug_of(services, issue), **asked)


def _text(services: "Services", figures: "IssueFigures | YearFigures") -> str:
    from rich.console import Console

    from newsletter.reporting.figures import IssueFigures
    from newsletter.reporting.terminal import issue_text, year_text

    console = Console(highlight=False)
    if isinstance(figures, IssueFigures):
        return issue_text(figures, _zone(services), console)
    return year_text(figures, _zone(services), console)


def _page(services: "Services", figures: "IssueFigures | YearFigures") -> str:
    from newsletter.checks.colours import palette
    from newsletter.reporting.figures import IssueFigures
    from newsletter.reporting.page import Look, issue_page, year_page

    news = services.settings.newsletter
    colours = palette(news.brand_color, news.accent_color or news.brand_color)
    look = Look(name=news.name, colours=colours, zone=_zone(services))
    return issue_page(figures, look) if isinstance(figures, IssueFigures) else year_page(figures, look)


def _zone(services: "Services") -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(services.settings.newsletter.timezone)


COMMANDS = (report,)
