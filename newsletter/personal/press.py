"""One entry for whoever delivers: a person in, a Letter out, in the form that the sender takes."""

from collections.abc import Mapping

from newsletter.model import CompiledIssue, Letter, Person
from newsletter.personal.bulk import BulkIssue
from newsletter.personal.links import Links
from newsletter.personal.mime import Skeleton
from newsletter.ports import Clock, Form
from newsletter.senders.wire import wire_address
from newsletter.settings import Settings
from newsletter.tokens import Tokens

__all__ = ["Press"]


class Press:
    """Prints letters of one campaign. Compiles once; safe to share by threads."""

    def __init__(
        self,
        form: Form,
        issue: CompiledIssue,
        settings: Settings,
        tokens: Tokens,
        campaign_key: str,
        clock: Clock,
    ) -> None:
        """form: the sender's. Raises IssueError or ConfigError if no letter can be made at all."""
        links = Links(settings, tokens, campaign_key, issue.page)
        self._made: Skeleton | BulkIssue
        if form == "bulk":
            self._made = BulkIssue(issue, settings, links, campaign_key=campaign_key)
        else:
            self._made = Skeleton(issue, settings, links, campaign_key=campaign_key, clock=clock)

    def letter(self, person: Person, tags: Mapping[str, str]) -> Letter:
        """Return one person's letter. tags: opaque ids (``campaign``, ``delivery``, ``attempt``)."""
        to = wire_address(person.email)
        if isinstance(self._made, Skeleton):
            return Letter(to=to, tags=tags, mime=self._made.message(person, tags))
        return Letter(
            to=to,
            tags=tags,
            template=self._made.template,
            values=self._made.values(person),
            headers=self._made.headers(person),
        )
