"""A workspace to run the real command line in: in this process, or as a process of its own."""

import email
import email.policy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from newsletter.cli.main import cli

REPOSITORY = Path(__file__).resolve().parent.parent

#: Made up, so that boto3 signs something; emulators do not check it.
AWS = {
    "AWS_ACCESS_KEY_ID": "example",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Desk:
    """A workspace folder and the means to run ``newsletter`` in it."""

    root: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *args: str, stdin: str = "", **env: str) -> Result:
        """Run a command in this process; never a traceback: an exception that escapes fails the test."""
        result = CliRunner().invoke(
            cli, ["-C", str(self.root), *args], input=stdin, env={**self.env, **env}, catch_exceptions=False
        )
        assert "Traceback" not in result.output
        return result

    def ok(self, *args: str, **env: str) -> Result:
        """Run a command that must succeed."""
        result = self.run(*args, **env)
        assert result.exit_code == 0, result.output
        return result

    def json(self, *args: str, **env: str) -> Any:
        """Run a command with --json and return its one object."""
        return json.loads(self.run(*args, "--json", **env).stdout)

    def process(self, *args: str, **env: str) -> "subprocess.Popen[str]":
        """Start a command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "newsletter", "-C", str(self.root), *args],
            env={**os.environ, **self.env, **env},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, path: str, text: str) -> Path:
        """Write a file in the workspace."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def mailbox(self) -> list[EmailMessage]:
        """Return what the mailbox sender wrote, parsed, in order."""
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted((self.root / "subscribers" / "mailbox").rglob("*.eml"))
        ]

    def mailed(self) -> list[str]:
        """Return the addresses in the mailbox, sorted; one for each message."""
        return sorted(str(message["To"]) for message in self.mailbox())


def make_desk(folder: Path, **env: str) -> Desk:
    """Return a workspace with the repository's own settings, templates and issues, and nobody on its list."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "newsletter.toml", folder)
    for name in ("issues", "templates"):
        shutil.copytree(REPOSITORY / name, folder / name)
    return Desk(folder, {"NEWSLETTER_SECRET": "s" * 40, **env})
