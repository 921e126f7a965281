"""Our own CSS into style attributes, by premailer, without ever touching the network.

premailer left to itself fetches ``@import`` addresses, drops the lower-case doctype, strips ``!important``
and sizes from MJML's CSS: research/rendering.md, section 2, has the measurements. So: MJML's own styles
are not its business, and its CSS parser gets no fetcher.
"""

import logging
import re
import threading
from typing import Any, Final

import cssutils
from premailer import Premailer

from newsletter.compose.kept import Kept

__all__ = ["inline_css"]

_DOCTYPE: Final = re.compile(r"<!doctype html>", re.IGNORECASE)
_STYLE_TAG: Final = re.compile(r"<style\b", re.IGNORECASE)
_IGNORED: Final = ' data-premailer="ignore"'
_FLOATING: Final = re.compile(r"""<img\b[^>]*\bstyle\s*=\s*["'][^"'>]*\bfloat""", re.IGNORECASE)

_Rule = tuple[tuple[int, ...], str, str]  # specificity, selector, declarations
#: By the style sheet and its place among others.
_RULES: Final = Kept[tuple[str, int], tuple[_Rule, ...]](64)
_CSSUTILS: Final = threading.RLock()  # it keeps its state in globals

# cssutils installs a log handler that writes to stderr; what an owner's CSS gets wrong is no message of ours
cssutils.log.setLevel(logging.FATAL)


class _Inliner(Premailer):  # type: ignore[misc]
    """Premailer whose CSS parser cannot fetch: cssutils would even with ``allow_network=False``."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[_Rule], list[Any]]:
        def parse() -> tuple[_Rule, ...]:
            with _CSSUTILS:
                return tuple(super(_Inliner, self)._parse_style_rules(css_body, ruleset_index)[0])

        # what is left over, such as media queries, is never asked for: ``disable_leftover_css``
        return list(_RULES.get((css_body, ruleset_index), parse)), []

    def _parse_css_string(self, css_body: str, validate: bool = True) -> Any:
        parser = cssutils.CSSParser(fetcher=lambda url: None, validate=False, loglevel=logging.FATAL)
        return parser.parseString(css_body)


def inline_css(html: str, css: str) -> str:
    """Return a page with the rules of ``css`` in style attributes; its own style elements stay as they are.

    css: rules with plain selectors; media queries and pseudo-classes belong into a style element.
    """
    page = "<!DOCTYPE html>" + _DOCTYPE.sub("", html, count=1)
    page = _STYLE_TAG.sub(lambda found: found[0] + _IGNORED, page)
    inliner = _Inliner(
        page,
        css_text=css or None,
        keep_style_tags=False,
        disable_leftover_css=True,
        strip_important=False,
        disable_validation=True,
        cache_css_parsing=False,
        allow_network=False,
        disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
        align_floating_images=bool(_FLOATING.search(page)),  # it parses the style of every picture
    )
    # style elements inside Outlook's comments still carry the attribute
    return str(inliner.transform(pretty_print=False)).replace(_IGNORED, "")
