"""The language decides how a screen reader pronounces, and which way the page runs (WCAG 2.2, 3.1.1)."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement

from newsletter.checks.places import Places
from newsletter.checks.rules import Rule
from newsletter.model import Finding, Level

__all__ = ["check"]

TAG: Final = Rule("language-tag", Level.WARNING)
OTHER: Final = Rule("language-other", Level.WARNING)
DIRECTION: Final = Rule("language-direction", Level.WARNING)

#: Expressions, tags and addresses.
_NOT_WORDS: Final = re.compile(
    r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<[^<>]*>|\]\([^()]*\)|https?://\S+", re.DOTALL
)
_FORM: Final = re.compile(r"[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8})*")  # BCP 47, without private tags
#: ISO 639-1.
_CODES: Final = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia
id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo
lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl
ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk
tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_TWO_LETTERS: Final = frozenset(_CODES.split())
_NAMES: Final = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "spanish": "es",
    "español": "es", "italian": "it", "dutch": "nl", "portuguese": "pt", "jp": "ja", "cn": "zh", "cz": "cs",
    "dk": "da", "gr": "el", "ua": "uk", "gb": "en-GB", "us": "en-US",
}  # fmt: skip
#: Small words that are frequent in one of these languages and rare in the others.
_WORDS: Final = {
    "de": "der das und ist nicht mit sich auf für wir ich ein eine zu dem auch wie oder",
    "en": "the and of to is that it for with you we are this have not our from or your",
    "es": "el los las y que por con para una del se es su como más pero nuestra",
    "fr": "le les et des est que pour dans une nous vous qui pas sur avec du au ce",
    "it": "il che di per una non con della sono gli anche come più nel alla",
    "nl": "het een van en dat niet zijn met voor wij ook maar aan bij naar hun",
    "pt": "os uma não que para com mais como você do da em nós são seu",
}
_SMALL_WORDS: Final = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_ENOUGH: Final = 40  # words; fewer say nothing
_SHARE: Final = 0.12  # of all words are small ones, at least, in a language's own text


def check(page: HtmlElement, places: Places) -> Iterator[Finding]:
    """Look whether a language is stated, is one, and is that of the text."""
    given = "language" in places.file.key_lines
    where = places.key("language") if given else "newsletter.toml"
    stated = page.get("lang") or ""
    if not _plausible(stated):
        guess = _NAMES.get(stated.lower()) or stated.replace("_", "-")
        near = f" Did you mean {guess}?" if _plausible(guess) else ""
        shown = f'"{stated}" is no language that programs know.' if stated else "no language is stated."
        yield TAG(where, shown + near, "Write its short form, such as en, en-CA or de, as language: …")
        return
    text = _NOT_WORDS.sub(" ", places.file.body)  # the owner's own; the templates speak the stated language
    if (other := _other(text, stated.partition("-")[0].lower())) is not None:
        yield OTHER(
            places.key("language", "title"),
            f"the issue says it is in {stated}, but its words look like {other}.",
            f"Add a line to the front matter: language: {other}",
        )
    yield from _direction(page, text, places)


def _plausible(tag: str) -> bool:
    primary = tag.partition("-")[0].lower()
    return bool(_FORM.fullmatch(tag)) and (len(primary) == 3 or primary in _TWO_LETTERS)


def _other(text: str, stated: str) -> str | None:
    """Return the language that the text rather is in, None if it may well be the stated one."""
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", text)]
    if len(words) < _ENOUGH:
        return None
    counts = {language: sum(word in small for word in words) for language, small in _SMALL_WORDS.items()}
    best = max(sorted(counts), key=lambda language: counts[language])
    own = counts.get(stated, 0 if stated in _TWO_LETTERS else len(words))
    sure = counts[best] >= _SHARE * len(words) and counts[best] >= 3 * own
    return best if sure and best != stated else None


def _direction(page: HtmlElement, text: str, places: Places) -> Iterator[Finding]:
    kinds = [unicodedata.bidirectional(character) for character in text if character.isalpha()]
    leftward = sum(kind in {"R", "AL"} for kind in kinds)
    if len(kinds) < _ENOUGH:
        return
    runs, meant = page.get("dir") or "ltr", "rtl" if leftward * 2 > len(kinds) else "ltr"
    if runs != meant:
        to = {"rtl": "right to left", "ltr": "left to right"}
        yield DIRECTION(
            places.key("dir", "language", "title"),
            f"the page runs {to[runs]}, but most of its letters run {to[meant]}.",
            f"Add a line to the front matter: dir: {meant}",
        )
