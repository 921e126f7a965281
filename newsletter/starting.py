"""``newsletter init``: a new workspace from the starter files."""

import json
import shutil
from email.utils import parseaddr
from importlib.resources import files
from pathlib import Path

from newsletter.compose.drafting import new_issue
from newsletter.errors import UsageError
from newsletter.settings import SETTINGS_FILE
from newsletter.wiring import SECRET_FILE, open_services, write_secret

__all__ = ["init_workspace"]

_GITIGNORE = """\
# people and secrets stay here
subscribers/
# what `newsletter render` writes
out/
"""


def init_workspace(folder: Path, *, name: str, from_address: str) -> list[Path]:
    """Make a workspace in folder and return its files. Nothing that exists is touched.

    Raises UsageError if folder is already a workspace or a file.
    """
    if folder.is_file() or (folder / SETTINGS_FILE).exists():
        raise UsageError(
            f"{folder} already exists and is {'a file' if folder.is_file() else 'a workspace'}.",
            hint="Choose another folder; nothing was changed.",
        )
    if from_address and not parseaddr(from_address)[1]:
        raise UsageError(
            f"--from {from_address!r} is not an address.", hint='Write "Name <name@example.org>".'
        )
    settings = folder / SETTINGS_FILE
    settings.parent.mkdir(parents=True, exist_ok=True)
    text = (files("newsletter.starter") / SETTINGS_FILE).read_text("utf-8")
    for key, value in (("name", name), ("from", from_address or f"{name} <newsletter@example.org>")):
        text = text.replace(f'"{{{key}}}"', json.dumps(value, ensure_ascii=False))
    settings.write_text(text, "utf-8")
    if not (folder / "templates").exists():
        shutil.copytree(starter_templates(), folder / "templates")
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text(_GITIGNORE, "utf-8")
    (folder / "subscribers").mkdir(mode=0o700, exist_ok=True)
    if not (secret := folder / "subscribers" / SECRET_FILE).exists():
        write_secret(secret)
    services = open_services(folder)
    new_issue(services.workspace, f"Welcome to {name}", services.today())
    return sorted(path for path in folder.rglob("*") if path.is_file())


def starter_templates() -> Path:
    """Return the folder of templates: in the wheel, or the repository's own when run from a checkout."""
    packaged = Path(str(files("newsletter.starter"))) / "templates"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "templates"
