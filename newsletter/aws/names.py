"""What everything at Amazon is called, and the tags that say it is ours: all derived from the settings.

Decision: names never depend on what is there already. Two runs of `newsletter aws setup`, on whatever
computer, mean the same things, and what is found can be compared with what should be.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from newsletter.aws.asking import Aws, ask
from newsletter.errors import ConfigError
from newsletter.personal.headers import sender_domain, slug
from newsletter.senders.wire import split_mailbox, wire_address
from newsletter.settings import Settings

__all__ = ["EVENT_TYPES", "MADE_BY", "WORKSPACE", "Names", "Place", "event_types", "find_place", "names_of"]

WORKSPACE: Final = "newsletter:workspace"  #: tag: which newsletter it belongs to
MADE_BY: Final = "newsletter:made-by"  #: tag: that this program made it

#: What Amazon must tell us about each mail. Opens and clicks come on top when [tracking] wants them.
EVENT_TYPES: Final = (
    "SEND",
    "DELIVERY",
    "BOUNCE",
    "COMPLAINT",
    "REJECT",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of a configuration set; queues and topics take it, too


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An account in a Region. partition: "aws", or that of China or a government."""

    account: str
    region: str
    partition: str = "aws"
    caller: str = ""  #: ARN of whoever asks

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """Return the Amazon Resource Name of something of this account."""
        return f"arn:{self.partition}:{service}:{self.region if regional else ''}:{self.account}:{resource}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names of all that `newsletter aws setup` makes."""

    workspace: str  #: value of the tag
    address: str  #: the bare From address
    domain: str  #: the identity: the domain of the From address
    mail_from: str  #: the custom MAIL FROM domain
    configuration_set: str
    destination: str  #: event destination in the configuration set
    topic: str  #: SNS
    queue: str  #: SQS
    dead_letters: str  #: SQS: what could not be understood five times
    types: tuple[str, ...]  #: of events

    @property
    def identities(self) -> Sequence[str]:
        """What may let our mail leave once it is verified: the domain, the address, a domain above."""
        labels = self.domain.split(".")
        parents = [".".join(labels[place:]) for place in range(1, len(labels) - 1)]
        return [self.domain, self.address, *parents]

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that everything we make carries."""
        return {WORKSPACE: self.workspace, MADE_BY: "newsletter"}

    def are_ours(self, tags: Mapping[str, str]) -> bool:
        """Say whether something with these tags was made for this newsletter."""
        return all(tags.get(key) == value for key, value in self.tags.items())


def event_types(settings: Settings) -> tuple[str, ...]:
    """Return the types of events that the settings ask for."""
    tracked = {"OPEN": settings.tracking.opens, "CLICK": settings.tracking.clicks}
    return (*EVENT_TYPES, *(kind for kind, wanted in tracked.items() if wanted))


def names_of(settings: Settings, *, mail_from: str = "") -> Names:
    """Return the names for these settings. mail_from: instead of bounce.DOMAIN.

    Raises ConfigError if mail cannot come from the From address, or the name of the configuration set is
    none that Amazon takes.
    """
    base = settings.ses.configuration_set or "newsletter"
    if not _NAME.fullmatch(base):
        raise ConfigError(
            f"[ses] configuration_set is {base!r}.",
            hint="Amazon takes at most 64 letters, digits, - and _.",
        )
    domain = sender_domain(settings)
    mail_from = (mail_from or f"bounce.{domain}").lower()
    if not mail_from.endswith(f".{domain}"):
        raise ConfigError(
            f"{mail_from} is not below {domain}.",
            hint=f"The MAIL FROM domain must be below that of the From address: bounce.{domain}",
        )
    queue = settings.ses.events_queue_url.rstrip("/").rpartition("/")[2] or f"{base}-events"
    return Names(
        workspace=slug(settings.newsletter.name),
        address=wire_address(split_mailbox(settings.newsletter.from_)[1]),
        domain=domain.lower(),
        mail_from=mail_from,
        configuration_set=base,
        destination=f"{base}-events",
        topic=f"{base}-events",
        queue=queue,
        dead_letters=f"{queue}-dead",
        types=event_types(settings),
    )


def find_place(aws: Aws) -> Place:
    """Return the account and Region that the credentials are for. Raises Refused, or ConfigError."""
    sts = aws("sts")
    caller = ask(sts, "get_caller_identity")
    return Place(
        account=caller["Account"],
        region=sts.meta.region_name,
        partition=sts.meta.partition,
        caller=caller["Arn"],
    )
