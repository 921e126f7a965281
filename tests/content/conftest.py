"""The real issues, issues with every block in three languages, compiled, and people to read them."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from newsletter.compose.compiling import compile_issue
from newsletter.model import CompiledIssue, Person
from newsletter.personal.fill import Filler, context_for
from newsletter.personal.links import Links
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.tokens import Tokens
from tests.browsers import chromium

__all__ = ["chromium"]

ROOT = Path(__file__).resolve().parents[2]
ISSUES = sorted((ROOT / "issues").glob("*.md"))
#: Issues that use every block: in English, in Hebrew (right to left) and in German (long words).
EVERY_BLOCK = sorted((ROOT / "tests" / "content" / "fixtures").glob("*.md"))
TEMPLATES = sorted(path.parent.name for path in (ROOT / "templates").glob("*/layout.mjml.j2"))

#: What must never reach anybody.
LEFTOVERS = {
    "Jinja": r"\{\{|\{%|%\}|\}\}",
    "our own tokens": r"zq[0-9a-f]{10}",
    "residual delimiters": "[\ue000-\ue002]",
    "a block of ours": r"^\s*:::",
    "merge fields of other programs": r"\*\|\w+\|\*|\[\[\w+\]\]",
    "filler": r"(?i:lorem ipsum)|\bTODO\b|\bNone\b|\bundefined\b",
    "an empty link": r'href="#?"',
}

READERS = {
    "known": Person(id=1, email="ada@example.org", name="Ada Byron", tags=["families"]),
    "nameless": Person(id=2, email="no.name@example.org"),
    "group": Person(id=3, email="bob@example.org", name="Bob Okafor", tags=["group"]),
    "professional": Person(id=4, email="zoe@example.org", name="Zoë LeBlanc", tags=["professionals"]),
    "everything": Person(
        id=5, email="kofi@example.org", name="Kofi Asante", tags=["group", "professionals", "families"]
    ),
    "long": Person(
        id=6,
        email="wolfe@example.org",
        name="von Wolfeschlegelstein-Hausenbergerdorff",
        attributes={"first_name": "Maximiliana-Theodora Konstantina Wolfeschlegelsteinhausenberger"},
    ),
    "arabic": Person(id=7, email="tariq@example.org", name="طارق الفارسي", tags=["professionals"]),
}


class Letters:
    """One issue, compiled once and filled for anybody."""

    def __init__(self, workspace: Workspace, path: Path) -> None:
        self.issue: CompiledIssue = compile_issue(workspace, path)
        self._filler = Filler(self.issue)
        self._links = Links(workspace.settings, Tokens(["s" * 40]), "campaign")

    def _context(self, reader: str) -> dict[str, Any]:
        return dict(context_for(READERS[reader], self._links))

    def html(self, reader: str = "known") -> str:
        """Return the HTML part for one reader."""
        return self._filler.html(self._context(reader))

    def text(self, reader: str = "known") -> str:
        """Return the text part for one reader."""
        return self._filler.text(self._context(reader))

    def subject(self, reader: str = "known") -> str:
        """Return the subject for one reader."""
        return self._filler.subject(self._context(reader))


@pytest.fixture(scope="session")
def workspace() -> Workspace:
    """The repository's own workspace."""
    return Workspace(root=ROOT, settings=load_settings(ROOT, {}))


@pytest.fixture(scope="session", params=ISSUES, ids=lambda path: path.stem)
def letters(request: pytest.FixtureRequest, workspace: Workspace) -> Letters:
    """Each issue in turn."""
    return Letters(workspace, request.param)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the workspace that a test may change."""
    return _copy(tmp_path)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workspace for all tests: only issues are added to it."""
    return _copy(tmp_path_factory.mktemp("desk"))


@pytest.fixture(
    scope="session",
    params=[(path, template) for path in EVERY_BLOCK for template in TEMPLATES],
    ids=lambda pair: f"{pair[0].stem[8:]}-{pair[1]}",
)
def full(request: pytest.FixtureRequest, desk: Path) -> Letters:
    """Each issue that uses every block, in each template."""
    path, template = request.param
    return in_template(desk, path.read_text("utf-8"), path.stem, template)


def in_template(root: Path, source: str, slug: str, template: str) -> Letters:
    """Return the letters of an issue that is put into the workspace at root and shown by a template."""
    path = root / "issues" / f"{slug}-{template}.md"
    path.write_text(re.sub(r"\A---\n", f"---\ntemplate: {template}\n", source), "utf-8")
    return Letters(Workspace(root=root, settings=load_settings(root, {})), path)


def _copy(folder: Path) -> Path:
    for name in ("issues", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "newsletter.toml", folder)
    return folder
