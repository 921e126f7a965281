"""What another process needs to make calls: a sender and a press, and no database.

On its own because that process imports nothing else: composing and checking take seconds to load.
"""

from collections.abc import Mapping

from newsletter.delivery.calling import Caller
from newsletter.model import CompiledIssue
from newsletter.personal.press import Press
from newsletter.ports import Form
from newsletter.settings import Workspace
from newsletter.wiring import Services

__all__ = ["caller_of"]


def caller_of(
    workspace: Workspace, env: Mapping[str, str], issue: CompiledIssue, campaign_key: str, form: Form
) -> Caller:
    """Return what makes a campaign's calls. form: as it was decided where the campaign is written."""
    services = Services(workspace, env=env)
    press = Press(form, issue, services.settings, services.tokens, campaign_key, services.clock)
    sender = services.sender_in_form(form)
    return Caller(campaign_key=campaign_key, sender=sender, press=press, clock=services.clock)
