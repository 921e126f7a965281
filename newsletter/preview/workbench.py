"""What the authoring view shows of each issue, composed again whenever a file has changed.

    newsletter.toml --> settings --.
    issues/, templates/ ------------+--> compose, check --> Proof | Fault, kept until the next change

Decisions
- One compile at a time, in the thread of whoever asks first; others wait for its result instead of
  making their own. The event loop is never kept waiting.
- A *generation* counts the changes. A result belongs to the generation that was read before it was
  made, so a file saved during a compile is compiled again.
- An issue that compiles is shown, also when the database is away: then a finding says so.
"""

import re
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from newsletter.checks import preflight
from newsletter.compose.compiling import compile_with_report
from newsletter.compose.issue_file import find_issue
from newsletter.errors import NewsletterError, UsageError, did_you_mean
from newsletter.model import CompiledIssue, Finding, Level
from newsletter.personal.fill import Filler
from newsletter.ports import Clock
from newsletter.preview.faults import Fault, fault_of
from newsletter.preview.readers import READERS, Reader, everyones_tags, search, subscriber, tags_asked_for
from newsletter.settings import Workspace
from newsletter.store.engine import reading
from newsletter.store.subscribers import known_fields

__all__ = ["IssueLine", "Proof", "Surroundings", "Workbench", "slug_of"]


Answer = TypeVar("Answer")


class Surroundings(Protocol):
    """What the authoring view needs from outside: ``newsletter.wiring.Services``."""

    @property
    def workspace(self) -> Workspace:
        """The workspace, with its settings."""

    @property
    def engine(self) -> Engine:
        """The database, at this version's schema. Raises ConfigError."""

    @property
    def clock(self) -> Clock:
        """The clock, for the Date header."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """An issue that compiles, ready to be filled for anybody, with what the checks found."""

    workspace: Workspace
    issue: CompiledIssue
    filler: Filler
    findings: Sequence[Finding]
    clock: Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueLine:
    """One issue in the list of issues. title: the file's name if it says none."""

    slug: str
    month: str
    title: str


class Workbench:
    """Composes issues on demand. Safe to share by threads."""

    def __init__(self, root: Path, open_surroundings: Callable[[], Surroundings]) -> None:
        """root: the workspace. open_surroundings: reads the settings anew; may raise ConfigError."""
        self.root = root.resolve()
        self._open = open_surroundings
        self._around: Surroundings | None = None
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._generation = self._opened = 0
        self._made: dict[str, tuple[int, Proof | Fault]] = {}

    @property
    def generation(self) -> int:
        """How often something has changed."""
        return self._generation

    def changed(self) -> None:
        """Forget what was composed: a file has changed."""
        self._generation += 1

    def close(self) -> None:
        """Let go of the database."""
        if self._engine is not None:
            self._engine.dispose()

    def issues(self) -> list[IssueLine]:
        """Return all files in the issues folder, newest first, also those that do not compile."""
        paths = sorted((self.root / "issues").glob("*.md"), reverse=True)
        return [_line(path) for path in paths if path.resolve().is_relative_to(self.root)]

    def look(self, slug: str) -> Proof | Fault:
        """Return an issue, composed and looked over, or what is wrong with it or with the settings."""
        with self._lock:
            generation = self._generation
            known = self._made.get(slug)
            if known is None or known[0] != generation:
                self._made = {key: made for key, made in self._made.items() if made[0] == generation}
                known = self._made[slug] = (generation, self._compose(slug))
            return known[1]

    def reader(self, key: str, proof: Proof) -> Reader | None:
        """Return who a key means; None if there is no such person, or the list cannot be read."""
        if key in READERS:
            reader = READERS[key]
            if key != "all-tags":
                return reader
            tags = sorted({*tags_asked_for(proof.issue), *(self._ask(everyones_tags) or ())})
            return replace(reader, person=replace(reader.person, tags=tags))
        return self._ask(lambda engine: subscriber(engine, key))

    def search(self, words: str) -> Sequence[Reader] | None:
        """Return the subscribers that a search finds; None if the list cannot be read."""
        return self._ask(lambda engine: search(engine, words))

    def _compose(self, slug: str) -> Proof | Fault:
        try:
            around = self._surroundings()
            path = self._path(slug, around.workspace)
            issue, findings = self._check(around, path)
            return Proof(
                workspace=around.workspace,
                issue=issue,
                filler=Filler(issue),
                findings=findings,
                clock=around.clock,
            )
        except Exception as error:  # whatever it is, the owner reads it in the page and mends it
            return fault_of(error, self.root)

    def _surroundings(self) -> Surroundings:
        """Return the surroundings with the settings as they are now; the database stays open if it may."""
        if self._around is None or self._opened != self._generation:
            self._opened = self._generation
            known, self._around = self._around, None
            opened = self._open()
            if known is not None and opened.workspace == known.workspace:
                opened = known
            elif self._engine is not None:
                self._engine.dispose()
                self._engine = None
            self._around = opened
        return self._around

    def _path(self, slug: str, workspace: Workspace) -> Path:
        if slug in {line.slug for line in self.issues()}:
            return workspace.issues / f"{slug}.md"
        path = find_issue(workspace, Path(slug).name.replace(".md", ""))  # raises, with the nearest name
        if not path.resolve().is_relative_to(self.root):
            raise UsageError("This issue is outside of the workspace.", hint="Copy it into issues/.")
        return path

    def _check(self, around: Surroundings, path: Path) -> tuple[CompiledIssue, Sequence[Finding]]:
        issue, report = compile_with_report(around.workspace, path)
        trouble: list[Finding] = []
        known: Collection[str] = {use.name for use in report.field_uses}
        try:
            self._engine = around.engine
            with reading(self._engine) as connection:
                known = known_fields(connection)
        except (NewsletterError, SQLAlchemyError) as error:
            trouble.append(self._unmade("subscriber fields were not checked", "subscribers", error))
        draft = preflight.Draft(workspace=around.workspace, issue=issue, report=report, known_fields=known)
        try:
            trouble += preflight.findings(draft)
        except Exception as error:  # a check that fails is no reason to show nothing
            trouble.append(self._unmade("the checks could not be made", report.where, error))
        return issue, preflight.in_order(trouble)

    def _unmade(self, what: str, where: str, error: Exception) -> Finding:
        fault = fault_of(error, self.root)
        return Finding(
            level=Level.WARNING, check="preview", where=where, what=f"{what}: {fault.what}", mend=fault.mend
        )

    def _ask(self, question: Callable[[Engine], Answer]) -> Answer | None:
        try:
            with self._lock:
                self._engine = self._surroundings().engine
            return question(self._engine)
        except (NewsletterError, SQLAlchemyError):
            return None


def slug_of(root: Path, ref: str) -> str:
    """Return the slug of the issue that a slug, a path or "latest" means; "latest" stays as it is.

    The settings need not be readable. Raises UsageError if the workspace has no such issue.
    """
    known = sorted(path.stem for path in (root / "issues").glob("*.md"))
    if ref == "latest" or ref in known:
        return ref
    for path in (Path(ref), root / ref, root / "issues" / ref):
        if path.suffix == ".md" and path.is_file() and path.resolve().parent == root.resolve() / "issues":
            return path.stem
    raise UsageError(
        f'There is no issue "{ref}" in this workspace.{did_you_mean(Path(ref).stem, known)}',
        hint=f"Issues: {', '.join(known[-5:])}." if known else 'Write one: newsletter new "Title"',
    )


def _line(path: Path) -> IssueLine:
    """Return the line for an issue, read no further than its title."""
    try:
        with path.open("rb") as file:
            head = file.read(4096).decode("utf-8", "replace")
    except OSError:
        head = ""
    title = re.search(r"^title:[ \t]*(.+?)[ \t]*$", head, re.MULTILINE)
    month = re.match(r"\d{4}-\d{2}", path.stem)
    named = title[1].strip("\"'") if title else path.name
    return IssueLine(slug=path.stem, month=month[0] if month else "", title=named)
