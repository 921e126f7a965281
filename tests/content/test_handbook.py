"""What docs/blocks.md and docs/templates.md show is true: examples compile, pictures exist and are small."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from newsletter.compose.containers import NAMES

from .conftest import ROOT, TEMPLATES, Letters, in_template

DOCS = ROOT / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text("utf-8") for name in ("blocks", "preview", "templates")}


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{file.stem}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: Heading: the Markdown and the pictures of its example.
EXAMPLES = {
    section.partition("\n")[0]: list(_load(DOCS / "pictures" / "letters.py").examples(section))
    for section in PAGES["blocks"].split("\n## ")[1:]
}
#: What a reader finds in both parts; where there are two, somebody with the tag "group" and everybody else.
SAYS = {
    "Text": ["what nobody could do alone"],
    "Merge field": ["Dear Bob, it is good", "Dear Ada, it is good"],
    "Condition": ["You asked about groups", "meets again in May"],
    "Button": ["Book a place"],
    "Callout": ["let the song end"],
    "Quote": ["A member of the Tuesday group"],
    "Event": ["10:00 to 11:30"],
    "Columns": ["The music needs everybody."],
    "Image": ["face each other across a rug"],
    "Table": ["60 to 75 minutes"],
    "Divider": ["One more thing."],
    "Signature": ["Music therapist and founder of Ignite"],
}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("block", EXAMPLES)
def test_each_example_compiles_in_each_template(desk: Path, block: str, template: str) -> None:
    ((source, _),) = EXAMPLES[block]
    slug = f"2026-11-{block.lower().replace(' ', '-')}"
    letters = in_template(desk, f"---\ntitle: Block\n---\n\n{source}", slug, template)
    for reader, words in (("group", SAYS[block][0]), ("known", SAYS[block][-1])):
        assert words in letters.html(reader)
        assert words in " ".join(letters.text(reader).split())


def test_each_block_has_one_example_with_a_picture() -> None:
    assert {name.capitalize() for name in NAMES} <= set(EXAMPLES) == set(SAYS)
    for block, found in EXAMPLES.items():
        assert len(found) == 1, block
        assert found[0][1], block


def test_each_picture_exists_is_small_and_says_what_it_shows_and_none_is_left_over() -> None:
    named = set()
    for page in PAGES.values():
        shown = re.findall(
            r"!\[([^\]]*)\]\((images/\S+\.png)\)", re.sub(r"```.*?```", "", page, flags=re.DOTALL)
        )
        assert shown
        for alt, name in shown:
            assert len(alt) > 10, name
            assert 500 < (DOCS / name).stat().st_size < 60_000, name
            named.add(DOCS / name)
    reports = {
        DOCS / name for name in re.findall(r"images/reports/\S+\.png", (DOCS / "reports.md").read_text())
    }
    assert named | reports == set((DOCS / "images").rglob("*.png"))


def test_the_templates_page_shows_each_template_in_light_and_dark_and_names_only_what_there_is() -> None:
    page = PAGES["templates"]
    for template in TEMPLATES:
        assert f"**`{template}`**" in page
        for scheme in ("light", "dark"):
            assert f"images/templates/{template}-{scheme}.png" in page
    head = (ROOT / "templates" / "shared" / "head.mjml.j2").read_text("utf-8")
    classes = page[page.index("**The classes**") : page.index("What a layout leaves out")]
    named = re.findall(r"`([a-z-]+)`", classes)
    assert len(named) > 10
    for name in named:
        assert f'<mj-class name="{name}"' in head, name
    theme = (ROOT / "templates" / "shared" / "theme.mjml.j2").read_text("utf-8")
    look = page[page.index("**The look**") : page.index("**The classes**")]
    for key in re.findall(r"^\| (`.*?`) \|", look, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", key):
            assert re.search(rf"\b{name}\b", theme), name
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)\)", page + PAGES["blocks"]):
        if "two-chairs" not in link and "mara" not in link and link != "picture.png":
            assert (DOCS / link).exists(), link


@pytest.mark.parametrize("path", sorted((DOCS / "examples").glob("*.md")), ids=lambda path: path.stem)
def test_the_example_issues_may_be_copied_into_a_workspace(desk: Path, path: Path) -> None:
    template = path.stem.rpartition("-")[2]
    source = path.read_text("utf-8")
    assert f"template: {template}\n" in source
    letters: Letters = in_template(desk, source.replace(f"template: {template}\n", ""), path.stem, template)
    for part in (letters.html, letters.text):
        assert "Mara" in part("known")
        assert "Example" in part("nameless")
    assert letters.subject("nameless")
