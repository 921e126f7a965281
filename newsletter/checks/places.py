"""Where the owner wrote what a check found in the finished message."""

import re
from functools import cached_property
from typing import Final

from newsletter.compose.issue_file import IssueFile

__all__ = ["Places"]

_WORD: Final = re.compile(r"[^\W_]+")
_FEW: Final = 6  # words in a row that tell one place from another


class Places:
    """One issue file, searched for what its message shows. Every answer is "file:line", or the file."""

    def __init__(self, file: IssueFile) -> None:
        self.file = file

    def at(self, line: int | None) -> str:
        """Return the place of a line."""
        return f"{self.file.file}:{line}" if line else self.file.file

    def key(self, *keys: str) -> str:
        """Return the place of the first of these front matter keys that the issue has."""
        lines = (self.file.key_lines.get(key) for key in keys)
        return self.at(next((line for line in lines if line), None))

    def snippet(self, text: str, *, ends: bool = False) -> str:
        """Return the place of text that stands in the source as it is.

        ends: it must not go on as an address would, so that ``https://a.example`` is not found in
        ``https://a.example/b``.
        """
        return self.at(self.line(text, ends=ends))

    def words(self, text: str) -> str:
        """Return the place of words that a reader sees; quotes and markup between them may differ."""
        return self.at(self.line_of_words(text))

    def line(self, text: str, *, ends: bool = False) -> int | None:
        """Return the first line that holds the text, as ``snippet`` does; the body comes first."""
        if not text.strip():
            return None
        pattern = re.compile(re.escape(text) + (r"(?![\w/?#&=%~-])" if ends else ""))
        found = [number for number, line in enumerate(self.lines, 1) if pattern.search(line)]
        inside = [number for number in found if number >= self.file.body_line]
        return next(iter(inside or found), None)

    def line_of_words(self, text: str) -> int | None:
        """Return the line on which some words of the text begin, None if they are not in the file."""
        wanted = _WORD.findall(text)[:_FEW]
        if not wanted:
            return None
        words = [word for word, _ in self._words]
        for at, word in enumerate(words):
            if word == wanted[0] and words[at : at + len(wanted)] == wanted:
                return self._words[at][1]
        return None

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines, the first at index 0."""
        text = self.file.path.read_text("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def _words(self) -> list[tuple[str, int]]:
        return [(word, number) for number, line in enumerate(self.lines, 1) for word in _WORD.findall(line)]
