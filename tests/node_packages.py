"""Programs and scripts from npm that tests hold us to: pinned, and kept out of the repository.

Where npm is missing, what needs them is skipped, loudly; with CI or NEWSLETTER_TEST_ALL it fails instead.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

__all__ = ["do_without", "npm_file"]


def npm_file(package: str, version: str, path: str) -> Path:
    """Return a file of an npm package, installed into the user's cache when it is not there yet.

    path: inside of the package, such as "dist/cli.js".
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newsletter-tests"
    folder = cache / f"{package}-{version}"
    file = folder / "node_modules" / package / path
    if file.exists():
        return file
    if shutil.which("npm") is None:
        do_without(f"{package} {version} is not there, and npm is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as fresh:
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", fresh, f"{package}@{version}"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            do_without(f"npm could not install {package} {version}: {done.stderr[-500:]}")
        try:
            Path(fresh).rename(folder)  # whole or not at all, whoever else is installing it
        except OSError:
            if not file.exists():
                raise
        Path(fresh).mkdir(exist_ok=True)
    return file


def do_without(reason: str) -> None:
    """Skip the test, loudly; fail it where nothing may be skipped."""
    if os.environ.get("CI") or os.environ.get("NEWSLETTER_TEST_ALL"):
        pytest.fail(f"Nothing may be skipped here: {reason}.")
    pytest.skip(f"NOT TESTED: {reason}.")
