"""Pictures of letters for the handbook: each block of docs/blocks.md, and each template, in Chromium."""

import base64
import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from newsletter.compose.compiling import compile_issue
from newsletter.model import Person
from newsletter.personal.fill import Filler, context_for
from newsletter.personal.links import Links
from newsletter.settings import Workspace
from newsletter.settings_file import load_settings
from newsletter.tokens import Tokens

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

#: Who sees a block, by the end of the picture's name; all others are shown to Ada.
READERS = {
    "ada": Person(id=1, email="ada@example.org", name="Ada Byron"),
    "nobody": Person(id=2, email="somebody@example.org"),
    "group": Person(id=3, email="bob@example.org", name="Bob Okafor", tags=["group"]),
    "others": Person(id=4, email="eve@example.org", name="Eve Moreau"),
}
#: Template: the issue that shows it best.
SHOWN = {
    "monthly": ROOT / "issues" / "2026-11-individual-vs-group.md",
    "letter": DOCS / "examples" / "2027-01-letter.md",
    "announcement": DOCS / "examples" / "2027-06-announcement.md",
}
#: The part of a monthly issue between its title and the space above "contact us".
BLOCK = """() => {
  const cards = [...document.querySelectorAll("div.card")];
  const top = cards[0].getBoundingClientRect().bottom, bottom = cards.at(-1).getBoundingClientRect().top;
  return {x: 0, y: top - 20, width: 600, height: bottom - top + 36};
}"""


def draw_blocks(browser: Any) -> None:
    """Draw the blocks of docs/blocks.md, each as the readers in its pictures' names see it."""
    for source, pictures in examples((DOCS / "blocks.md").read_text("utf-8")):
        for picture in pictures:
            reader = picture.stem.rpartition("-for-")[2]
            issue = f"---\ntitle: Block\n---\n\n{source}"
            html = _letter(issue, "2026-11-block", READERS.get(reader, READERS["ada"]))
            _save(_shot(browser, html, width=600, clip=BLOCK), DOCS / picture)


def draw_templates(browser: Any) -> None:
    """Draw the upper part of an issue in each template, in light and in dark, at half its size."""
    for template, issue in SHOWN.items():
        html = _letter(issue.read_text("utf-8"), issue.stem, READERS["ada"])
        for scheme in ("light", "dark"):
            shot = _shot(browser, html, width=700, scheme=scheme)
            shot = shot.crop((0, 0, 700, 1160)).resize((350, 580), Image.Resampling.LANCZOS)
            _save(shot, DOCS / "images" / "templates" / f"{template}-{scheme}.png")


def examples(page: str) -> Iterator[tuple[str, list[Path]]]:
    """Yield the Markdown of each example on a page, and the pictures below it."""
    for example in page.split("```markdown\n")[1:]:
        source, _, below = example.partition("```\n\n")
        pictures = re.findall(r"!\[[^\n]*\]\((\S+)\)", below.partition("\n\n")[0])
        yield source, [Path(name) for name in pictures]


def _letter(source: str, slug: str, reader: Person) -> str:
    """Return an issue as a reader gets it, pictures included."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("issues", "templates"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copy(ROOT / "newsletter.toml", root)
        path = root / "issues" / f"{slug}.md"
        path.write_text(source, "utf-8")
        settings = load_settings(root, {})
        issue = compile_issue(Workspace(root=root, settings=settings), path)
    links = Links(settings, Tokens(["s" * 40]), "shown")
    html = Filler(issue).html(dict(context_for(reader, links)))
    for image in issue.images:
        data = f"data:{image.content_type};base64,{base64.b64encode(image.data).decode()}"
        html = html.replace(f"cid:{image.cid}", data)
    return html


def _shot(browser: Any, html: str, *, width: int, scheme: str = "light", clip: str = "") -> Image.Image:
    page = browser.new_page(viewport={"width": width, "height": 1160}, color_scheme=scheme)
    page.set_content(html)
    part = {"clip": page.evaluate(clip)} if clip else {}
    shot = page.screenshot(full_page=True, **part)
    page.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def _save(picture: Image.Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
