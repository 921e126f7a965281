"""Every word that the web pages and the confirmation mail say: ``languages/LANGUAGE.toml``.

Add a language by adding a file with the same keys; English stands in where there is none.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["Words", "languages", "texts"]

_FOLDER: Final = Path(__file__).parent / "languages"


@cache
def languages() -> frozenset[str]:
    """Return the languages that there are words in, such as "de"."""
    return frozenset(path.stem for path in _FOLDER.glob("*.toml"))


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return the texts in one of the languages, by key."""
    found: Mapping[str, str] = tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))
    return found


class Words:
    """The words of one newsletter in its language. Templates say ``words("subscribe_title")``."""

    def __init__(self, language: str, **fixed: object) -> None:
        """language: BCP 47, such as "de-AT". fixed: what every text may hold: ``name``, ``span``."""
        base = language.partition("-")[0].lower()
        self.language = base if base in languages() else "en"
        self._texts, self._fixed = texts(self.language), fixed

    def __call__(self, key: str, **more: object) -> str:
        """Return one text."""
        return self._texts[key].format(**self._fixed, **more)

    def date(self, day: date) -> str:
        """Return a date as people write it.

        >>> Words("de").date(date(2027, 3, 1))
        '1. März 2027'
        """
        return self("date", day=day.day, month=self._texts["months"].split()[day.month - 1], year=day.year)

    @property
    def consent_version(self) -> str:
        """Names the words that people agree to: it changes when they do."""
        return f"{self.language}-{hashlib.sha256(self('consent').encode()).hexdigest()[:12]}"
