"""An installation made by the Dockerfile's own steps, once a session."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.files import stages
from tests.node_packages import do_without
from tests.workspaces import REPOSITORY

#: A mount table of our own, in which /opt is a folder of the test's; nothing outside sees it.
UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


@pytest.fixture(scope="session")
def installed() -> Iterator[Path]:
    """A folder that, seen as /opt, has what the image has there: built from exactly what is copied."""
    folder = Path(tempfile.mkdtemp(prefix="newsletter-opt-"))  # other users must be able to look into it
    folder.chmod(0o755)
    try:
        source = folder / "source"
        source.mkdir()
        commands = []
        for step in stages()[0]:
            if step.name == "COPY":
                *names, target = step.text.split()
                for name in names:
                    _copy(REPOSITORY / name, source / target)
            elif step.name == "RUN":
                commands.append(step.text)
        programs = folder / ".programs"
        programs.mkdir()
        (programs / "python").symlink_to(_python())
        inside(folder, "\n".join(["cd /opt/source", f"PATH=/opt/.programs:{os.environ['PATH']}", *commands]))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def inside(folder: Path, script: str, *, env: dict[str, str] | None = None) -> str:
    """Run a shell script where /opt is the folder; return what it printed. Fails the test if it fails."""
    done = subprocess.run(
        [*UNSHARE, "sh", "-euc", f"mount --bind {shlex.quote(str(folder))} /opt\n{script}"],
        env={**os.environ, **(env or {})},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def _python() -> str:
    """The Python to install with: one that every user may run, like the image's."""
    for candidate in ("/usr/bin/python3", sys.executable):
        works = subprocess.run(
            [candidate, "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"],
            capture_output=True,
            check=False,
        )
        if works.returncode == 0:
            return candidate
    do_without("no Python 3.11 with venv is installed")
    raise AssertionError


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)
