"""The last touches on the page: what MRML leaves out and mail programs or screen readers need."""

import html
import re
from typing import Final

__all__ = ["finish_page"]

_HTML_TAG: Final = re.compile(r"<html\b([^>]*)>")
_IMG: Final = re.compile(r"""<img\b((?:[^"'>]|"[^"]*"|'[^']*')*)>""")
_ALT: Final = re.compile(r"\salt\s*=", re.IGNORECASE)
_EMPTY_TITLE: Final = re.compile(r"<title>\s*</title>")
_LANG_DIR: Final = re.compile(r"""\s(?:lang|dir|xml:lang)\s*=\s*(?:"[^"]*"|'[^']*')""")
_ARTICLE: Final = re.compile(r"<div\b([^>]*\baria-roledescription=\"email\"[^>]*)>")


def finish_page(page: str, language: str, direction: str, title: str) -> str:
    """Return the page with language, direction and title stated, and ``alt=""`` where an image has no alt.

    The language is stated on ``html`` and on the letter's outermost element: web mail drops the former.
    """
    stated = f' lang="{html.escape(language)}" dir="{direction}"'

    def state(tag: re.Match[str]) -> str:
        name = tag[0][1:].split(None, 1)[0].rstrip(">")
        return f"<{name}{stated}{_LANG_DIR.sub('', tag[1])}>"

    page = _HTML_TAG.sub(state, page, count=1)
    page = _ARTICLE.sub(state, page, count=1)
    page = _IMG.sub(lambda tag: tag[0] if _ALT.search(tag[1]) else f'<img alt=""{tag[1]}>', page)
    shown = f"<title>{html.escape(title, quote=False)}</title>"
    if "<title>" not in page:
        return page.replace("<head>", f"<head>{shown}", 1)
    return _EMPTY_TITLE.sub(lambda _: shown, page, count=1)
