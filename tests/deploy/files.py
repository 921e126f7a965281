"""The deployment's files, read as their programs read them."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.node_packages import do_without
from tests.workspaces import REPOSITORY

__all__ = ["DEPLOY", "DOCKERFILE", "Step", "python_package", "stages"]

DEPLOY = REPOSITORY / "docs" / "deploy"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile. text: what stands after its name, on one line."""

    name: str
    text: str


def stages(file: Path = DOCKERFILE) -> list[list[Step]]:
    """Return the instructions of each stage, which begins with FROM."""
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    found: list[list[Step]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, text = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        if name:
            found[-1].append(Step(name, " ".join(text.split())))
    return found


def python_package(name: str, version: str) -> Path:
    """Return a folder with a Python package in it that is none of ours: into the user's cache if missing."""
    cache = Path.home() / ".cache" / "newsletter-tests"
    folder = cache / f"{name}-{version}-py{sys.version_info.major}{sys.version_info.minor}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with _fresh(cache) as fresh:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(fresh)]
        done = subprocess.run([*command, f"{name}=={version}"], capture_output=True, text=True, check=False)
        if done.returncode:
            do_without(f"pip could not install {name} {version}: {done.stderr[-300:]}")
        with contextlib.suppress(OSError):  # somebody else was faster
            fresh.rename(folder)
    return folder


@contextlib.contextmanager
def _fresh(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
