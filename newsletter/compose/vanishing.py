"""Nothing that waits for a reader may get lost on the way: a lost condition would show its content to all."""

from newsletter.compose.pieces import Body, Pieces
from newsletter.compose.slots import Slots

__all__ = ["check_nothing_vanished"]


def check_nothing_vanished(mjml: str, page: str, body: Body, slots: Slots) -> None:
    """Raise IssueError if MJML dropped a token, or if the template shows a passage without its conditions."""
    left = {slot.number for slot in slots.find(page)}
    for slot in slots.find(mjml):
        if slot.number not in left:
            raise slot.error(
                f"MJML dropped {slot}.",
                hint="Put it where MJML shows text: inside an <mj-text>, or around elements.",
            )
    for pieces in (body.lead, *(section.pieces for section in body.sections)):
        if not pieces.shown:
            continue
        for slot in slots.find(_tokens_of(pieces)):
            if slot.number not in left:
                raise slot.error(
                    f"The template does not show {slot}.",
                    hint="It must write the token of each piece of kind raw, and the html of all others.",
                )


def _tokens_of(pieces: Pieces) -> str:
    """Return the tokens of conditions and loops around whole pieces."""
    return " ".join(str(piece["token"]) for piece in pieces if piece["kind"] == "raw")
