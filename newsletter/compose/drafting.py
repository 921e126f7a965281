"""A new issue: a friendly draft that compiles as it is."""

import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Final

from newsletter.errors import IssueError, UsageError
from newsletter.settings import Workspace

__all__ = ["new_issue", "slug_of"]

#: Letters that fall apart into nothing when accents are dropped.
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "þ": "th", "ı": "i"}
)

_DRAFT: Final = """\
---
# Lines that begin with # are notes to you; nobody gets them.
title: {title}
# The line in people's inboxes. Without it, the title is used.
# subject: "{{{{ subscriber.first_name | default('Hello') }}}}, a note for {month}"
# The small grey text beside the subject.
preheader: "Two or three things for {month}."
# A picture at the head of the letter: put the file into issues/pictures/ and take away the #.
# hero:
#   image: pictures/drum.jpg
#   alt: A child and a music therapist play one drum together
#   caption: Saturday morning, in the big room
# Who gets it: the name of a segment in newsletter.toml. Without it, everybody.
# segment: families
---

Dear {{{{ subscriber.first_name | default('friend') }}}},

write the beginning of your letter here. Leave an empty line between paragraphs;
*this is emphasised*, **this is bold**, and [this is a link](https://example.org/).

## The first section

Each line that begins with `##` starts a new section.

- A list is made of lines
- that begin with a hyphen.

::: button
[Book a place](https://example.org/book)
:::

## The second section

{{# What stands in here is a note to you as well.

   Between these two lines is what only people with the tag "families" read:

   {{% if 'families' in subscriber.tags %}}
   See you on Saturday!
   {{% endif %}}

   A picture, with its description for those who cannot see it:

   ![Two hands on a drum](pictures/hands.jpg)

   More blocks: callout, columns, event, quote and signature.
#}}
Say goodbye here.
"""


def new_issue(workspace: Workspace, title: str, month: date) -> Path:
    """Write a draft for a month and return its file, ``issues/YYYY-MM-title.md``.

    Raises UsageError if there is such a file already, if the title has no letters or digits to
    name it by, or if it holds an expression.
    """
    words = slug_of(title)
    if not words:
        raise UsageError(
            f'No file can be named after the title "{title}".',
            hint='Give it a word: newsletter new "May notes"',
        )
    if re.search(r"\{[{%#]", title):
        raise UsageError(
            "A title cannot hold an expression.",
            hint="It is the same for all readers; use subject in the draft.",
        )
    path = workspace.issues / f"{month:%Y-%m}-{words}.md"
    draft = _DRAFT.format(title=_quoted(title), month=f"{month:%B %Y}")
    try:
        workspace.issues.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(draft)
    except FileExistsError as error:
        raise UsageError(
            f"{path.relative_to(workspace.root)} is there already.",
            hint="Open it, or choose another title or month.",
        ) from error
    except OSError as error:
        raise IssueError(
            f"The draft cannot be written: {error.strerror}.",
            hint="Check the folder's permissions.",
            file=str(path),
        ) from error
    return path


def slug_of(title: str) -> str:
    """Return a title as part of a file's name.

    >>> slug_of("Größe & Rhythmus: what is new?")
    'grosse-rhythmus-what-is-new'
    """
    plain = unicodedata.normalize("NFKD", title.lower().translate(_LETTERS))
    ascii_only = plain.encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:60].rstrip("-")


def _quoted(title: str) -> str:
    """Return the title as YAML text that cannot be taken for anything else, on one line."""
    one_line = " ".join(title.split())
    escaped = one_line.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
