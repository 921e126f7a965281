"""`aws doctor`: is everything at Amazon and in the DNS as it should be, and may the next issue go?

Nothing is changed, nothing is sent. Each part looks by itself: what one of them may not see is a finding,
and the others go on. ``remarks.well`` findings say what is all right.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from newsletter.aws.account import ACCOUNT, SANDBOX, Need, ask_account, look_at_account, look_at_quota
from newsletter.aws.asking import Aws, Refused
from newsletter.aws.events import (
    CONFIGURATION_SET,
    look_at_configuration_set,
    look_at_events,
    look_at_waiting,
)
from newsletter.aws.identity import (
    IDENTITY,
    find_identity,
    look_at_dkim,
    look_at_identity,
    look_at_mail_from,
)
from newsletter.aws.names import Names, Place, find_place, names_of
from newsletter.aws.remarks import CREDENTIALS, REACH, REGION, looked, note, well
from newsletter.aws.rights import look_at_rights
from newsletter.errors import SendError
from newsletter.model import Finding, Level
from newsletter.ports import Clock
from newsletter.settings import Settings

if TYPE_CHECKING:
    from dns.resolver import Resolver

__all__ = ["Need", "examine", "examine_to_send", "fatal", "refuse_fatal"]

#: With an error of these no mail leaves, or none that readers get.
_FATAL: Final = frozenset({ACCOUNT, SANDBOX, IDENTITY, CONFIGURATION_SET, CREDENTIALS, REACH, REGION})
#: Without these there is nobody to ask about the rest.
_HOPELESS: Final = frozenset({CREDENTIALS, REACH, REGION})


def examine(
    aws: Aws, settings: Settings, *, resolver: "Resolver", clock: Clock, need: Need | None
) -> list[Finding]:
    """Return what was found, gravest first within each part. need: what is to be mailed next.

    Raises ConfigError only if the settings name nothing that could be asked about.
    """
    names = names_of(settings)
    place: list[Place] = []
    found = looked("AWS credentials", lambda: _whoever_asks(aws, place))
    if _is_hopeless(found):
        return found
    ses = aws("sesv2")
    region = ses.meta.region_name
    if settings.sender.kind != "ses":
        what = f'is "{settings.sender.kind}": mail stays on this computer for now.'
        found.append(note("sender-kind", "[sender] kind", what, 'When all is well here: kind = "ses"'))
    found += looked("Amazon SES account", lambda: _account(aws, settings, clock, need))
    found += looked(f"identity of {names.domain}", lambda: _identity(aws, names, resolver, region))
    if name := settings.ses.configuration_set:
        found += looked(f"configuration set {name}", lambda: look_at_configuration_set(aws, name))
    found += looked("events", lambda: look_at_events(aws, settings))
    found += looked("the queue of events", lambda: look_at_waiting(aws, settings, clock()))
    if place:
        found += looked("IAM", lambda: look_at_rights(aws, settings, names, place[0]))
    return found


def examine_to_send(
    aws: Aws, settings: Settings, *, account: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Return what would keep a campaign from reaching its readers, with few calls; nothing of it is mailed.

    account: what GetAccount has just said, if it was asked already: SES answers it about once a second. Asks
    GetEmailIdentity (one call for a verified domain) and GetConfigurationSet. What this key may not look at,
    or an emulator does not know, is a warning: ``fatal`` leaves it out.
    """
    names = names_of(settings)
    looks: list[Callable[[], Iterable[Finding]]] = [
        lambda: look_at_account(account or ask_account(aws), aws("sesv2").meta.region_name),
        lambda: look_at_identity(names, find_identity(aws, names), aws("sesv2").meta.region_name),
    ]
    if name := settings.ses.configuration_set:
        looks.append(lambda: look_at_configuration_set(aws, name))
    found: list[Finding] = []
    for look in looks:
        found += looked("Amazon SES", look)
        if _is_hopeless(found):
            break
    return found


def fatal(findings: Sequence[Finding]) -> list[Finding]:
    """Return the errors with which no mail would reach its readers."""
    return [each for each in findings if each.level is Level.ERROR and each.check in _FATAL]


def refuse_fatal(findings: Sequence[Finding]) -> None:
    """Raise SendError (exit 6) if a finding is fatal: what it is, and what to do."""
    grave = fatal(findings)
    if grave:
        first = grave[0]
        others = f" ({len(grave) - 1} more: newsletter aws doctor)" if grave[1:] else ""
        raise SendError(f"{first.where}: {first.what}{others} Nothing was mailed.", hint=first.mend)


def _is_hopeless(found: Sequence[Finding]) -> bool:
    return any(each.level is Level.ERROR and each.check in _HOPELESS for each in found)


def _whoever_asks(aws: Aws, place: list[Place]) -> Iterable[Finding]:
    place.append(find_place(aws))
    who = place[0].caller.rpartition(":")[2]
    yield well(CREDENTIALS, "AWS credentials", f"{who} of account {place[0].account}, {place[0].region}.")


def _account(aws: Aws, settings: Settings, clock: Clock, need: Need | None) -> Iterable[Finding]:
    answer = ask_account(aws)
    yield from look_at_account(answer, aws("sesv2").meta.region_name)
    yield from look_at_quota(aws, answer, settings, need, clock())


def _identity(aws: Aws, names: Names, resolver: "Resolver", region: str) -> Iterable[Finding]:
    from newsletter.aws.lookups import look_at_dns

    identity = None
    try:
        identity = find_identity(aws, names)
        yield from look_at_identity(names, identity, region)
        if identity is not None:
            yield from look_at_dkim(*identity)
            yield from look_at_mail_from(*identity, names)
    except Refused as refused:
        # the DNS can be asked all the same
        yield from looked(f"identity of {names.domain}", _raising(refused))
    yield from look_at_dns(resolver, names, identity, region)


def _raising(refused: Refused) -> Callable[[], Iterable[Finding]]:
    def look() -> Iterable[Finding]:
        raise refused

    return look
