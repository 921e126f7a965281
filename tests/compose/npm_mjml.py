"""The reference: npm's mjml, in one run for many documents, and what can be compared with it."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml.html import HtmlElement, document_fromstring

from tests.node_packages import npm_file

VERSION = "4.18.0"

_RUN = """
const mjml = require(process.argv[1]);
const sources = JSON.parse(require("fs").readFileSync(0, "utf8"));
const pages = sources.map((source) => {
  try {
    const made = mjml(source, { validationLevel: "soft", keepComments: true, ignoreIncludes: true });
    return { html: made.html, errors: made.errors.map((error) => error.message) };
  } catch (error) {
    return { html: "", errors: [String(error.message)] };
  }
});
process.stdout.write(JSON.stringify(pages));
"""
_MSO_ONLY = re.compile(r"<!--\[if (?!!)[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_NOT_MSO = re.compile(r"<!--\[if !mso[^\]]*\]>(?:<!-->)?(.*?)(?:<!--)?<!\[endif\]-->", re.DOTALL)
_CHANCE = re.compile(r"(?<=mj-carousel)-[0-9a-f]{8,16}(?=-)|-outlook\b|(?<=per-\d\d-\d\d)\d+")


@dataclass(frozen=True)
class NpmPage:
    """What npm's mjml made of a document. errors: what its validator says about it."""

    html: str
    errors: Sequence[str]


def mjml_folder() -> Path:
    """Return the node_modules folder that the package is in."""
    return npm_file("mjml", VERSION, "lib/index.js").parents[2]


def npm_pages(sources: Sequence[str]) -> list[NpmPage]:
    """Return what npm's mjml makes of MJML documents."""
    program = npm_file("mjml", VERSION, "lib/index.js")
    done = subprocess.run(
        ["node", "-e", _RUN, str(program)],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [NpmPage(**page) for page in json.loads(done.stdout)]


def trees(page: str) -> list[str]:
    """Return the elements of a page with their classes, indented: as most programs see it, then as Outlook.

    Neighbouring style elements are one: npm joins what several mj-style say, MRML writes one for each. The
    number of a carousel is left out: npm's is random. So is "-outlook", which npm adds to each class in a
    table for Outlook, and MRML to the last one, and the tail of 33.333…
    """
    outlook = document_fromstring(outlook_view(page))
    lines = [*_lines(document_fromstring(page), 0), "-- Outlook --", *_lines(outlook, 0)]
    return [
        line
        for line, before in zip(lines, ["", *lines], strict=False)
        if line != before or not line.endswith(".style")
    ]


def outlook_view(page: str) -> str:
    """Return a page as Outlook on Windows reads it: what is in comments for it is not commented out."""
    return _MSO_ONLY.sub(r"\1", _NOT_MSO.sub("", page))


def words(page: str) -> str:
    """Return the text that a page shows."""
    body = document_fromstring(page).find("body")
    assert body is not None
    return " ".join(" ".join(map(str, body.itertext())).split())


def _lines(element: HtmlElement, depth: int) -> Iterator[str]:
    if isinstance(element.tag, str):
        classes = sorted(set(_CHANCE.sub("", element.get("class") or "").split()))
        yield " ".join(["." * depth + element.tag, *classes])
    for child in element:
        yield from _lines(child, depth + 1)
