"""The nouns of the pipeline, one frozen dataclass each.

    Issue -> CompiledIssue -> Campaign -> Delivery            -> Outcome
    written   rendered once    one send    to one subscriber     what the provider answered

True everywhere below:
- An address is kept as the person wrote it; ``email_key`` (lower case, ASCII form of the domain)
  decides whether two are the same person.
- An instant is an aware UTC datetime. Naive ones are refused at the edge.
- A Delivery moves only along ``NEXT``; one that left is never queued again by itself.

Imports nothing from this package but ``errors``. Glossary: README.md.
"""

from newsletter.model.issue import CompiledIssue, Finding, Image, Level, Residual, WebCopy
from newsletter.model.people import Person, SubscriberStatus
from newsletter.model.sending import (
    NEXT,
    BulkTemplate,
    CampaignState,
    DeliveryState,
    Effect,
    EventKind,
    Letter,
    Outcome,
    OutcomeKind,
)

__all__ = [
    "NEXT",
    "BulkTemplate",
    "CampaignState",
    "CompiledIssue",
    "DeliveryState",
    "Effect",
    "EventKind",
    "Finding",
    "Image",
    "Letter",
    "Level",
    "Outcome",
    "OutcomeKind",
    "Person",
    "Residual",
    "SubscriberStatus",
    "WebCopy",
]
