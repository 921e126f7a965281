"""The mail to the owner about a reply: plain text, to her alone, with the link to decide by."""

from newsletter.errors import NewsletterError
from newsletter.model import OutcomeKind
from newsletter.schedule import letters
from newsletter.store.replies import Reply
from newsletter.web.site import Site

__all__ = ["decide_path", "tell_owner", "who_wrote"]


def tell_owner(site: Site, reply: Reply, title: str) -> None:
    """Mail the owner what was written. title: of the issue. Raises NewsletterError if it was not taken."""
    words, services = site.words, site.services
    day = words.date(services.shelf.imprint.day(reply.at))
    parts = [
        words("moderate_lead", who=who_wrote(site, reply), date=day),
        "\n".join(f"> {line}".rstrip() for line in reply.body.split("\n")),
    ]
    if reply.email:
        parts.append(words("moderate_email", email=reply.email))
    base = services.settings.newsletter.public_url.rstrip("/")
    parts.append(f"{words('moderate_open')}\n{base}{decide_path(site, reply)}")
    said = letters.Words(subject=words("moderate_subject", title=title), body="\n\n".join(parts))
    letter = letters.letter(services.settings, said, services.clock)
    [outcome] = services.sender_in_form("raw").send([letter])
    if outcome.kind is not OutcomeKind.ACCEPTED:
        raise NewsletterError("The owner was not told.", hint="See: newsletter replies list --waiting")


def decide_path(site: Site, reply: Reply) -> str:
    """Return the path of the page that shows a reply to the owner, with its buttons."""
    return f"/m/{site.services.tokens.sign('m', reply.id, reply.code)}"


def who_wrote(site: Site, reply: Reply) -> str:
    """Return the name that somebody gave, and whether we know them."""
    return reply.name if reply.subscriber_id is None else site.words("moderate_known", who=reply.name)
