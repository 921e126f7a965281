"""``aws setup`` and ``aws teardown``: everything at Amazon that a newsletter needs, and away with it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.aws_request import confirm, request
from newsletter.cli.output import State, json_option, note, pass_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.aws.names import Names, Place
    from newsletter.aws.steps import Step
    from newsletter.wiring import Services

__all__ = ["setup", "teardown"]


@click.command()
@click.option("--plan/--apply", "plan", default=True, help="Show what would be made (default), or make it.")
@click.option("--write", is_flag=True, help="With --apply: write the names into newsletter.toml.")
@click.option("--wait", is_flag=True, help="With --apply: wait until Amazon has found the DNS records.")
@click.option(
    "--timeout", type=click.IntRange(0), default=1800, show_default=True, help="Seconds to wait at most."
)
@click.option(
    "--mail-from", default="", metavar="DOMAIN", help="Where bounces go. Default: bounce.YOUR-DOMAIN."
)
@click.option(
    "--policy",
    type=click.Choice(["daily", "setup"]),
    help="Print the IAM policy for the daily key, or for this command; nothing else.",
)
@click.option(
    "--cloudformation",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it as a CloudFormation template (.yaml or .json) instead; Amazon is not asked.",
)
@click.option(
    "--request-production-access",
    is_flag=True,
    help="Write the request to leave the sandbox; hand it in if told so.",
)
@click.option(
    "--answer", "answers", multiple=True, metavar="KEY=TEXT", help="An answer for the request; repeatable."
)
@click.option("--yes", is_flag=True, help="Hand the request in without asking.")
@json_option
@pass_state
def setup(  # noqa: PLR0913, PLR0917 (each is an option)
    state: State,
    plan: bool,
    write: bool,
    wait: bool,
    timeout: int,
    mail_from: str,
    policy: str | None,
    cloudformation: Path | None,
    request_production_access: bool,
    answers: tuple[str, ...],
    yes: bool,
) -> None:
    """Show, or make, all that the newsletter needs at Amazon; safe to repeat.

    The domain's identity with DKIM and MAIL FROM, a configuration set, and the way of events: SNS topic, SQS
    queue, one more for what cannot be understood. What is there already is kept. The DNS records to paste at
    your domain's provider are shown.

    \b
    Examples:
      newsletter aws setup                       what would be made
      newsletter aws setup --apply --write
      newsletter aws setup --policy daily > policy.json
      newsletter aws setup --request-production-access
    """
    from newsletter.aws.names import names_of

    services = state.services
    names = names_of(services.settings, mail_from=mail_from)
    if policy:
        _print_policy(state, names, policy)
    elif cloudformation:
        from newsletter.aws.cloudformation import template, write_template

        write_template(cloudformation, template(services.settings, names))
        shown = services.shown(cloudformation)
        state.result(
            {"template": shown},
            f"Wrote {shown}. To use it: aws cloudformation deploy --template-file {shown} "
            f"--stack-name {names.configuration_set} --capabilities CAPABILITY_IAM",
        )
    elif request_production_access:
        request(state, answers, yes=yes)
    else:
        _set_up(state, names, plan=plan, write=write, mail_from_asked=bool(mail_from))
        if wait and not plan:
            _wait(state, names, timeout)


@click.command()
@click.option("--plan/--apply", "plan", default=True, help="Show what would go (default), or remove it.")
@click.option("--identity", is_flag=True, help="Remove the domain's identity, too, if we made it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_state
def teardown(state: State, plan: bool, identity: bool, yes: bool) -> None:
    """Show, or remove, what `newsletter aws setup` made; nothing else is touched.

    Only what carries this newsletter's tag goes. Events that nobody has read go with their queue.

    \b
    Examples:
      newsletter aws teardown                    what would be removed
      newsletter aws teardown --apply
    """
    from newsletter.aws.looking import look
    from newsletter.aws.names import names_of
    from newsletter.aws.steps import to_do
    from newsletter.aws.teardown import teardown_steps

    services = state.services
    names = names_of(services.settings)
    found = look(services.aws, names)
    steps = teardown_steps(services.aws, names, found, identity=identity)
    work = to_do(steps)
    data = {**_place(found.place), "steps": [step.as_dict() for step in steps], "changed": 0}
    listed = _listed(steps)
    if not work:
        state.result(data, f"{listed}Nothing of ours is there.")
        return
    if plan:
        state.result(data, f"{listed}\nNothing was removed. To do it: newsletter aws teardown --apply")
        return
    note(listed)
    confirm(f"Remove these {len(work)}", yes=yes)
    done = _carry_out(steps)
    still = [key for key in ("configuration_set", "events_queue_url") if getattr(services.settings.ses, key)]
    left = f" newsletter.toml still names them: empty {' and '.join(still)} under [ses]." if still else ""
    state.result({**data, "changed": done}, f"Removed {done}.{left}")


def _set_up(state: State, names: "Names", *, plan: bool, write: bool, mail_from_asked: bool) -> None:
    from newsletter.aws.looking import look
    from newsletter.aws.plan import setup_steps
    from newsletter.aws.records import dns_records, table, zone_file
    from newsletter.aws.steps import to_do

    services = state.services
    found = look(services.aws, names)
    steps = setup_steps(services.aws, names, found, mail_from_asked=mail_from_asked)
    work, place = to_do(steps), found.place
    text = [f"Account {place.account}, {place.region}:", _listed(steps)]
    done = 0
    if plan:
        text.append("Nothing was changed." + (" To do it: newsletter aws setup --apply" if work else ""))
    elif not work:
        text.append("Nothing to change: everything is as it should be.")
    else:
        note("\n".join(text))
        done = _carry_out(steps)
        text = [f"Done: {done} change(s)."]
        found = look(services.aws, names)
    records = dns_records(names, found.identity, place.region)
    text.append(f"\nDNS records, to be made at the provider of {names.domain}:\n\n{table(records)}")
    if found.identity is None:
        text.append("\nThree CNAME records for DKIM come on top, once the identity is made.")
    text.append(f"\nThe same as lines of a zone file:\n\n{zone_file(records)}")
    wanted = {"configuration_set": names.configuration_set}
    if found.queue is not None:
        wanted["events_queue_url"] = found.queue.url
    data = {
        **_place(place),
        "steps": [step.as_dict() for step in steps],
        "changed": done,
        "dns": [record.as_dict() for record in records],
        "settings": wanted,
    }
    if not plan:
        text.append(_settings(services, wanted, write=write))
    state.result(data, "\n".join(text))


def _settings(services: "Services", wanted: "Mapping[str, str]", *, write: bool) -> str:
    """Return which lines belong into newsletter.toml, written there if asked for."""
    from newsletter.aws.settings_lines import write_settings
    from newsletter.settings import SETTINGS_FILE

    file = services.workspace.root / SETTINGS_FILE
    lines = "\n".join(f"  {key} = {json.dumps(value)}" for key, value in wanted.items())
    if write:
        changed = write_settings(file, "ses", wanted)
        return f"\n{services.shown(file)} {'now says' if changed else 'says already'}, under [ses]:\n{lines}"
    ses = services.settings.ses
    if all(getattr(ses, key) == value for key, value in wanted.items()):
        return f"\n{services.shown(file)} has the names already."
    return f"\nInto {services.shown(file)}, under [ses] (or run it again with --write):\n{lines}"


def _wait(state: State, names: "Names", timeout: int) -> None:
    from datetime import timedelta

    from newsletter.aws.waiting import wait_for_identity

    services = state.services
    note(f"Waiting until Amazon has found the DNS records of {names.domain} ...")
    states = wait_for_identity(
        services.aws,
        names.domain,
        clock=services.clock,
        sleep=services.sleep,
        timeout=timedelta(seconds=timeout),
        tell=note,
    )
    state.result({"identity": states}, f"Amazon has found them: mail may come from {names.domain}.")


def _print_policy(state: State, names: "Names", which: str) -> None:
    from newsletter.aws.policies import daily_policy, setup_policy

    services = state.services
    place = _place_or_any(services)
    policy = daily_policy(services.settings, names, place) if which == "daily" else setup_policy(names, place)
    state.result({"policy": policy}, json.dumps(policy, indent=2))


def _place_or_any(services: "Services") -> "Place":
    """Return the account; without credentials any account, so that the first key can be given a policy."""
    from newsletter.aws.asking import Refused
    from newsletter.aws.names import Place, find_place

    try:
        return find_place(services.aws)
    except Refused as refused:
        note(f"The account is not known ({refused}); the policy has * in its place.")
        meta = services.aws("sts").meta
        return Place(account="*", region=meta.region_name, partition=meta.partition)


def _carry_out(steps: "Sequence[Step]") -> int:
    """Take the steps, saying each on stderr; return how many changed something."""
    from newsletter.aws.steps import carry_out

    past = {"make": "made", "change": "changed", "remove": "removed"}
    done = 0
    for step in carry_out(steps):
        note(f"  {past.get(step.verb, step.verb)} {step.kind} {step.name}")
        done += 1
    return done


def _listed(steps: "Sequence[Step]") -> str:
    return "".join(f"  {step.in_words()}\n" for step in steps)


def _place(place: "Place") -> dict[str, Any]:
    return {"account": place.account, "region": place.region}
