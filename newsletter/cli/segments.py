"""``segments``: parts of the list, by name or rule, and how many people are in them."""

from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.output import State, json_option, note, pass_state

if TYPE_CHECKING:
    from newsletter.wiring import Services

__all__ = ["COMMANDS"]


@click.group()
def segments() -> None:
    """See the parts of the list that [segments] in newsletter.toml names."""


@segments.command("list")
@json_option
@pass_state
def list_(state: State) -> None:
    """List the named segments: how many would be mailed today, of how many, and the rule.

    \b
    Example: newsletter segments list
    """
    services = state.services
    found = [_count(services, name) for name in services.settings.segments]
    state.result(
        {"segments": found},
        "\n".join(
            f"{each['segment']:24} {each['mailed']:>10,} of {each['people']:<10,} {each['rule']}"
            for each in found
        )
        or "No segment has a name yet. Give one in [segments] of newsletter.toml.",
    )


@segments.command()
@click.argument("name")
@json_option
@pass_state
def show(state: State, name: str) -> None:
    """Show how many people are in the segment NAME (or rule), and how many of them would be mailed today.

    \b
    Examples:
      newsletter segments show families
      newsletter segments show everyone
      newsletter segments show "tag:families and subscribed after 2026-01-01"
    """
    services = state.services
    everyone = name == "everyone" and name not in services.settings.segments
    found = _count(services, "" if everyone else name)
    lines = [
        f"{found['segment']}" + (f": {found['rule']}" if found["rule"] not in {"", found["segment"]} else ""),
        f"{found['people']:>10,}  people",
        f"{found['mailed']:>10,}  would be mailed today",
        *(f"{count:>10,}  would be skipped: {reason}" for reason, count in found["skipped"].items()),
    ]
    state.result(found, "\n".join(lines))


def _count(services: "Services", name: str) -> dict[str, Any]:
    from newsletter.people.segments import audience_of, issues_named
    from newsletter.store.engine import reading
    from newsletter.store.segments import count_segment

    rule = services.settings.segments.get(name, name)
    condition = audience_of(services.settings, name)
    with reading(services.engine) as connection:
        if slugs := issues_named(rule):
            from newsletter.store.campaigns import latest_campaign

            for slug in slugs:
                if latest_campaign(connection, slug) is None:
                    note(f"{slug}, which {name} asks about, has never been sent: is it spelt right?")
        counts = count_segment(connection, condition)
    return {"segment": name or "everyone", "rule": rule, **counts.as_dict()}


COMMANDS = (segments,)
