"""Held to npm's mjml, the reference: the same elements from the same document, or a clear refusal by us."""

import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mjml import mjml2html

from bench.personalise import whole_mjml
from newsletter.compose.compiling import compile_issue
from newsletter.compose.mjml import run_mjml
from newsletter.errors import IssueError
from newsletter.model import Person
from newsletter.personal.fill import FILL_HTML, Filler, context_for
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings

from .conftest import BOB, Links
from .mjml_documents import ALLOWED, REFUSED
from .npm_mjml import NpmPage, mjml_folder, npm_pages, trees, words

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "newsletter" / "compose" / "mjml.json"
#: Sees all conditional parts of our issues.
ALL = Person(id=3, email="all@example.org", name="A & B", tags=["group", "professionals", "families"])

#: Where MRML's elements differ from npm's, and we do not refuse.
DIFFERENT = {
    "icons without words": "MRML links the default web font although nothing is shown in it",
}


def ours(mjml: str) -> str:
    """Return the page that we make of MJML, CSS not inlined. Raises IssueError at the document's line."""
    return run_mjml(mjml, lambda line, written: ("document", line)).html


@pytest.fixture(scope="module")
def npm() -> dict[str, NpmPage]:
    """What npm's mjml makes of all small documents, by their names."""
    sources = {**ALLOWED, **{name: refused[0] for name, refused in REFUSED.items()}}
    return dict(zip(sources, npm_pages(list(sources.values())), strict=True))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Our own issues, each in each of our templates."""
    root = tmp_path_factory.mktemp("desk")
    for name in ("templates", "issues"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "newsletter.toml", root)
    names = [path.parent.name for path in (root / "templates").glob("*/layout.mjml.j2")]
    for path in [*(root / "issues").glob("*.md"), *(ROOT / "tests/content/fixtures").glob("*.md")]:
        for name in names:
            source = re.sub(r"(?m)^template:.*\n", "", path.read_text("utf-8"))
            source = source.replace("---\n", f"---\ntemplate: {name}\n", 1)
            (root / "issues" / f"{path.stem}-in-{name}.md").write_text(source, "utf-8")
    for folder in (ROOT / "tests/content/fixtures").iterdir():
        if folder.is_dir():
            shutil.copytree(folder, root / "issues" / folder.name, dirs_exist_ok=True)
    return Workspace(root=root, settings=load_settings(root, {}))


@pytest.mark.parametrize("name", ALLOWED)
def test_a_document_has_the_same_elements_and_words(name: str, npm: dict[str, NpmPage]) -> None:
    reference = npm[name]
    page = ours(ALLOWED[name])
    assert reference.errors == []
    if name in DIFFERENT:
        assert trees(page) != trees(reference.html), "no longer different: take it off the list"
    else:
        assert trees(page) == trees(reference.html)
    assert words(page) == words(reference.html)


@pytest.mark.parametrize("name", REFUSED)
def test_what_mrml_gets_wrong_is_refused_by_name(name: str, npm: dict[str, NpmPage]) -> None:
    source, message, only_there = REFUSED[name]
    with pytest.raises(IssueError) as caught:
        ours(source)
    assert message in str(caught.value) and caught.value.hint and caught.value.line == 1
    # and there is a reason to
    assert re.search(only_there, npm[name].html)
    try:
        assert not re.search(only_there, mjml2html(source))
    except ValueError as error:
        assert "position" in str(error)


def test_every_element_that_we_allow_is_among_the_documents() -> None:
    rules = json.loads(RULES.read_text("utf-8"))["elements"]
    shown = set(re.findall(r"<(mj[\w-]*)", "".join(ALLOWED.values())))
    refused = {"mj-html-attributes", "mj-selector", "mj-html-attribute"}
    assert shown >= rules.keys() - refused


def test_our_issues_have_the_same_elements_for_each_reader(desk: Workspace) -> None:
    letters: dict[str, tuple[str, str]] = {}
    for path in sorted(desk.issues.glob("*.md")):
        issue, mjml = Filler(compile_issue(desk, path)), FILL_HTML.template(whole_mjml(desk, path))
        for person in (BOB, ALL):
            context = context_for(person, Links())
            letters[f"{path.stem} for {person.email}"] = (issue.html(context), mjml.render(context))
    assert len(letters) >= 18
    pages = npm_pages([mjml for _, mjml in letters.values()])
    for (name, (letter, _)), reference in zip(letters.items(), pages, strict=True):
        assert reference.errors == [], name
        assert trees(letter) == trees(reference.html), name
        assert words(letter) == words(reference.html), name


def test_the_committed_rules_are_those_of_the_package() -> None:
    script = Path(__file__).with_name("mjml_rules.js")
    done = subprocess.run(
        ["node", str(script), str(mjml_folder())], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(RULES.read_text("utf-8")) == json.loads(done.stdout)


def random_documents(seed: int) -> Iterator[str]:
    """Yield small documents with elements, attributes and values from everywhere in MJML."""
    chance = random.Random(seed)
    rules = json.loads(RULES.read_text("utf-8"))["elements"]
    inside = [
        name for name in rules if name not in {"mjml", "mj-head", "mj-attributes", "mj-style", "mj-raw"}
    ]
    attributes = sorted({name for rule in rules.values() for name in rule["attributes"]})
    values = [
        "10px", "1px 2px", "10%", "0", "red", "#aabbcc", "#abc", "rgb(1,2,3)", "left", "top", "middle", "5",
        "1 2 3", "rtl", "auto", "full-width", "x", "-1px", "10em", "#12345", "horizontal", "visible",
    ]  # fmt: skip

    def element(name: str, depth: int) -> str:
        rule = rules[name]
        given = ""
        if chance.random() < 0.5:
            known = sorted(rule["attributes"]) if chance.random() < 0.85 else attributes
            attribute = chance.choice(known or attributes)
            given = f' {attribute}="{chance.choice(values)}"'
        children = "s" if rule.get("text") else ""
        if depth and not rule.get("text"):
            likely = [child for child in rule["children"] if child in inside]
            for _ in range(chance.choice([0, 1, 1, 2])):
                pool = likely if likely and chance.random() < 0.9 else inside
                children += element(chance.choice(pool), depth - 1)
        return f"<{name}{given}>{children}</{name}>"

    for _ in range(400):
        yield f"<mjml><mj-body>{element('mj-section', 4)}</mj-body></mjml>"


def test_whatever_npms_validator_reports_we_refuse() -> None:
    sources = list(random_documents(7))
    valid = 0
    for source, reference in zip(sources, npm_pages(sources), strict=True):
        try:
            page = ours(source)
        except IssueError:
            continue
        assert reference.errors == [], source
        assert trees(page) == trees(reference.html), source
        valid += 1
    assert valid >= 60


def test_we_refuse_little_that_npms_validator_accepts() -> None:
    sources = list(random_documents(8))
    for source, reference in zip(sources, npm_pages(sources), strict=True):
        if reference.errors:
            continue
        try:
            ours(source)
        except IssueError as error:
            reasons = "does not work here|is not supported here|This is the second"
            assert re.search(reasons, str(error)), (source, error)
