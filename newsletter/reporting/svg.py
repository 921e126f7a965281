"""matplotlib's drawings as SVG that stands in a page: no ids, no style, no address of anything outside.

Colours are roles, and the page's style sheet says which colour a role has in light and in dark: an element
that is filled as "delivered" has the class ``f-delivered``, a line of it ``s-delivered``. What is left of
matplotlib's styles becomes attributes, so that a policy which allows no inline style (CSP) loses nothing.
"""

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import matplotlib as mpl
from lxml import etree
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

__all__ = ["ROLES", "TEXT", "Sheet", "colour"]

#: What colours are for; the style sheet must know each.
ROLES: Final = ("ink", "muted", "grid", "delivered", "sent", "hard", "soft", "left", "people", "machines")
TEXT: Final = 13.0  #: size of all texts, in pixels when the drawing is shown as wide as it is

_COLOURS: Final = {role: f"#0000{number:02x}" for number, role in enumerate(ROLES, 1)}
_ROLE_OF: Final = {shown: role for role, shown in _COLOURS.items()}
_SETTINGS: Final[Any] = {"svg.fonttype": "none", "path.simplify": False}
_KEPT: Final = frozenset(
    {
        "font-size", "font-weight", "text-anchor", "stroke-width", "stroke-dasharray", "stroke-linecap",
        "stroke-linejoin", "opacity", "fill-opacity", "stroke-opacity",
    }
)  # fmt: skip


def colour(role: str) -> str:
    """Return what to give to matplotlib as the colour of a role."""
    return _COLOURS[role]


class Sheet:
    """A drawing of so many pixels with one area, in which everything is drawn by hand: ``axes``."""

    def __init__(self, width: int, height: int, *, margins: Sequence[int]) -> None:
        """margins: what is left free around the area, in pixels: left, right, top, bottom."""
        self.width, self.height = width, height
        left, right, top, bottom = margins
        with mpl.rc_context(_SETTINGS):
            self._figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
            FigureCanvasSVG(self._figure)
            inside = (width - left - right, height - top - bottom)
            self.axes: Axes = self._figure.add_axes(
                (left / width, bottom / height, inside[0] / width, inside[1] / height)
            )
            self.axes.set_axis_off()

    def markup(self, name: str, title: str, description: str) -> Markup:
        """Return the drawing as an ``svg`` element that says what it shows. name: unique in the page."""
        buffer = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with mpl.rc_context({**_SETTINGS, "svg.hashsalt": name}):
            self._figure.savefig(buffer, format="svg", metadata=nothing)
        root = etree.fromstring(buffer.getvalue(), etree.XMLParser(resolve_entities=False, no_network=True))
        drawn = _element("svg", viewBox=f"0 0 {self.width} {self.height}", role="img")
        drawn.set("class", "plot")
        drawn.set("aria-labelledby", f"{name}-title {name}-desc")
        drawn.set("stroke-linejoin", "round")
        for tag, said in (("title", title), ("desc", description)):
            told = etree.SubElement(drawn, tag, id=f"{name}-{tag}")
            told.text = said
        for element in _shapes(root):
            drawn.append(element)
        text = etree.tostring(drawn, encoding="unicode", method="xml")
        return Markup(text)  # noqa: S704  (made by lxml, which escapes)


def _element(tag: str, **attributes: str) -> Any:
    return etree.Element(tag, attributes)


def _shapes(root: Any) -> Iterator[Any]:
    """Yield what is seen: paths and texts, in the order in which they are painted."""
    for found in root.iter("{*}path", "{*}text"):
        styles = dict(re.findall(r"([\w-]+):\s*([^;]+)", found.get("style", "")))
        made = _element(etree.QName(found).localname)
        classes = []
        for what, letter in (("fill", "f"), ("stroke", "s")):
            shown = styles.get(what, "none" if what == "stroke" else "#000000")
            if shown == "none":
                if what == "fill":
                    made.set("fill", "none")
            else:
                classes.append(f"{letter}-{_ROLE_OF[shown]}")
        made.set("class", " ".join(classes))
        for key, value in styles.items():
            if key in _KEPT and (key, value) not in (("opacity", "1"), ("font-weight", "400")):
                made.set(key, value.removesuffix("px"))
        if made.tag == "text":
            made.set("x", _rounded(found.get("x")))
            made.set("y", _rounded(found.get("y")))
            made.text = found.text
        else:
            made.set("d", _rounded(" ".join(found.get("d").split())))
        yield made


def _rounded(numbers: str) -> str:
    """Return numbers with one digit after the point: a tenth of a pixel."""
    return re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), numbers)
