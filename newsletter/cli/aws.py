"""``aws doctor`` and ``aws simulate``: is the account at Amazon as it should be, and does it work?"""

from typing import TYPE_CHECKING

import click

from newsletter.cli.aws_setup import setup, teardown
from newsletter.cli.output import State, confirm_readers, json_option, note, pass_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.aws.doctor import Need
    from newsletter.aws.simulate import Report, Sent
    from newsletter.model import Finding
    from newsletter.wiring import Services

__all__ = ["COMMANDS"]


@click.group()
def aws() -> None:
    """Your account at Amazon: set it up, look it over, try it out (docs/aws.md)."""


@aws.command()
@click.option("--issue", default="latest", show_default=True, help="The issue that is to go next.")
@click.option(
    "--dns-server", default="", metavar="HOST[:PORT]", help="Ask this name server, not this computer's."
)
@json_option
@pass_state
def doctor(state: State, issue: str, dns_server: str) -> None:
    """Look over the account, the domain's DNS and the way of events; nothing is changed or sent.

    Each finding comes with what to do about it. Exit code 6 if one of them is an error.

    \b
    Examples:
      newsletter aws doctor
      newsletter aws doctor --dns-server 1.1.1.1
    """
    from newsletter.aws.doctor import examine
    from newsletter.aws.lookups import make_resolver
    from newsletter.errors import SendError, UsageError
    from newsletter.model import Level

    services = state.services
    try:
        resolver = make_resolver(dns_server)
    except ValueError as error:
        raise UsageError(f"--dns-server {dns_server}: {error}", hint="Write an address: 1.1.1.1") from error
    need = _need(services, issue)
    found = examine(services.aws, services.settings, resolver=resolver, clock=services.clock, need=need)
    errors = [finding for finding in found if finding.level is Level.ERROR]
    shown = [
        {"level": f.level, "check": f.check, "where": f.where, "what": f.what, "mend": f.mend} for f in found
    ]
    state.result({"ok": not errors, "findings": shown}, _findings(found))
    if errors:
        raise SendError(f"{len(errors)} thing(s) must be mended before mail can go.", hint=errors[0].mend)


@aws.command()
@click.option("--wait", is_flag=True, help="Wait until the events about them have come in.")
@click.option(
    "--timeout", type=click.IntRange(1), default=120, show_default=True, help="Seconds to wait at most."
)
@click.option("--yes", is_flag=True, help="Do not ask for the number of mails.")
@json_option
@pass_state
def simulate(state: State, wait: bool, timeout: int, yes: bool) -> None:
    """Mail Amazon's simulator, by both ways that an issue may go, and show what was reported of it.

    Ten mails to five addresses that are delivered, bounce or complain as their names say. They count for the
    daily quota and harm nothing. No campaign and no reader is touched.

    \b
    Example: newsletter aws simulate --wait
    """
    from newsletter.aws.simulate import SCENARIOS, reports_of, send_to_simulator
    from newsletter.errors import SendError, UsageError
    from newsletter.store.engine import reading

    services = state.services
    ses = services.settings.ses
    if wait and not (ses.configuration_set and ses.events_queue_url):
        raise UsageError(
            "There are no events to wait for: configuration_set or events_queue_url of [ses] is empty.",
            hint="Set them up: newsletter aws setup --apply --write",
        )
    confirm_readers(2 * len(SCENARIOS), yes=yes, to="mail Amazon's simulator")
    sent = send_to_simulator(
        services.ses_sender, services.settings, services.tokens, clock=services.clock, sleep=services.sleep
    )
    if wait:
        reports = _wait(services, sent, timeout)
    else:
        with reading(services.engine) as connection:
            reports = reports_of(connection, sent)
    refused = [each for each in sent if not each.accepted]
    late = [report for report in reports if report.missing] if wait else []
    ok = not refused and not late
    state.result({"ok": ok, "mails": [report.as_dict() for report in reports]}, _table(reports, waited=wait))
    if refused:
        raise SendError(
            f"Amazon did not take {len(refused)} of {len(sent)} mails: {refused[0].outcome.reason}",
            hint="newsletter aws doctor says what is not right.",
        )
    if late:
        raise SendError(
            f"After {timeout} seconds events about {len(late)} of {len(sent)} mails are missing.",
            hint="newsletter aws doctor looks over their way; newsletter events pull reads what comes later.",
        )


def _need(services: "Services", reference: str) -> "Need | None":
    """Return what is to be mailed: the issue's readers, or everybody if there is no such issue yet."""
    from newsletter import pipeline, readying
    from newsletter.aws.doctor import Need
    from newsletter.errors import NewsletterError

    try:
        ready = readying.prepare_to_send(services, reference)
        return Need(mails=pipeline.preview(services, ready).queued, issue=ready.issue.slug)
    except NewsletterError as error:
        if reference != "latest":
            raise
        note(f"The latest issue is not ready ({error}); the list as a whole is looked at.")
    from newsletter.delivery.planning import preview_plan
    from newsletter.people.segments import audience_of

    everyone = preview_plan(services.engine, "", audience=audience_of(services.settings, ""))
    return Need(mails=everyone.queued)


def _wait(services: "Services", sent: "Sequence[Sent]", timeout: int) -> "Sequence[Report]":
    """Read events until all that are expected are there, or the time is over."""
    from datetime import timedelta

    from newsletter import listening
    from newsletter.aws.simulate import reports_of
    from newsletter.store.engine import reading

    until = services.clock() + timedelta(seconds=timeout)

    def reports() -> "Sequence[Report]":
        with reading(services.engine) as connection:
            return reports_of(connection, sent)

    def enough() -> bool:
        taken = [report for report in reports() if report.sent.accepted]
        return services.clock() >= until or all(report.complete for report in taken)

    note(f"Waiting for events, {timeout} seconds at most ...")
    while not enough():
        listening.pull(services, stop=enough, wait=5)
    return reports()


def _findings(found: "Sequence[Finding]") -> str:
    from newsletter.aws.remarks import is_well

    colours = {"error": "red", "warning": "yellow", "note": "blue"}
    lines = []
    for finding in found:
        label, colour = ("OK", "green") if is_well(finding) else (finding.level, colours[finding.level])
        lines.append(
            f"{click.style(f'{label.upper():8}', fg=colour, bold=True)} {finding.where}: {finding.what}"
        )
        if finding.mend:
            lines.append(f"         {finding.mend}")
    return "\n".join(lines)


def _table(reports: "Sequence[Report]", *, waited: bool) -> str:
    lines = [f"{'address':<17}{'by':<6}{'accepted':<10}{'seconds':>8}  events"]
    for report in reports:
        scenario = report.sent.scenario
        seconds = "" if report.seconds is None else f"{report.seconds:.1f}"
        missing = f"; missing: {', '.join(report.missing)}" if waited and report.missing else ""
        taken = "yes" if report.sent.accepted else "no"
        told = ", ".join(report.kinds) or "none yet"
        lines.append(f"{scenario.name:<17}{report.sent.api:<6}{taken:<10}{seconds:>8}  {told}{missing}")
    if not waited:
        lines.append(
            "\nWhat becomes of them is reported within a minute or two: newsletter aws simulate --wait"
        )
    return "\n".join(lines)


aws.add_command(setup)
aws.add_command(teardown)

COMMANDS = (aws,)
