"""What a reader sees before opening: subject and preheader; and the address that the law asks for."""

from collections.abc import Iterator
from typing import Final

from newsletter.compose.issue_file import IssueFile
from newsletter.model import Finding, Level

__all__ = ["check"]

_SUBJECT: Final = 78  # characters; RFC 5322 section 2.1.1, and about what a desktop list shows


def check(file: IssueFile, *, postal_address: str) -> Iterator[Finding]:
    """Look at subject, preheader and the sender's postal address."""

    def finding(level: Level, key: str, what: str, mend: str) -> Finding:
        line = file.key_lines.get(key)
        place = f"{file.file}:{line}" if line else file.file
        return Finding(level=level, check="front matter", where=place, what=what, mend=mend)

    key = "subject" if "subject" in file.key_lines else "title"
    letters = [character for character in file.subject if character.isalpha()]
    if len(file.subject) > _SUBJECT:
        what = f"the subject has {len(file.subject)} characters; most programs show fewer than {_SUBJECT}."
        yield finding(Level.NOTE, key, what, "Put what matters first, or shorten it.")
    if len(letters) > 8 and all(letter.isupper() for letter in letters):
        yield finding(
            Level.WARNING, key, "the subject is all capitals; filters dislike it.", "Write it normally."
        )
    if not file.preheader:
        what = "there is no preheader: mail programs show the first words of the page instead."
        yield finding(
            Level.NOTE, "preheader", what, "Add a line: preheader: One sentence that continues the subject."
        )
    if not postal_address:
        yield Finding(
            level=Level.NOTE,
            check="front matter",
            where="newsletter.toml",
            what="there is no postal_address; many countries want one in each mail.",
            mend='Add to [newsletter]: postal_address = "Street 1, Town".',
        )
