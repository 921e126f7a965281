"""What the forms on pages and elsewhere have in common with the server that takes them."""

from typing import Final

__all__ = ["HONEYPOT", "MOST_LETTERS", "MOST_LINKS", "MOST_NAME"]

HONEYPOT: Final = "topic_url"  #: a field that people do not see; whoever fills it in is a program
MOST_LETTERS: Final = 4000  #: of a reply
MOST_LINKS: Final = 3  #: in a reply
MOST_NAME: Final = 80  #: characters of the name shown with a reply
