"""Settings -> Services: the only place that reads clock and environment and builds engines and clients."""

import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from newsletter.errors import ConfigError
from newsletter.ports import Clock, Sender
from newsletter.settings import Settings, Workspace
from newsletter.settings_file import find_workspace, load_settings
from newsletter.tokens import Tokens

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from newsletter.archive.publishing import Published
    from newsletter.archive.shelf import Shelf
    from newsletter.model import CompiledIssue
    from newsletter.ports import Form
    from newsletter.store.guard import Place

__all__ = ["SECRET_FILE", "Services", "open_services", "workspace_root", "write_secret"]

SECRET_FILE = "secret"  # noqa: S105  (a file name: under subscribers/, mode 0600, never in git)


def open_services(explicit: Path | None) -> "Services":
    """Return the services of the workspace that the command is about. Raises ConfigError."""
    env = environment()
    root = find_workspace(Path.cwd(), explicit, env)
    return Services(Workspace(root=root, settings=load_settings(root, env)), env=env)


def workspace_root(explicit: Path | None) -> Path:
    """Return the folder of the workspace that the command is about. Raises ConfigError if there is none."""
    return find_workspace(Path.cwd(), explicit, os.environ)


def environment() -> dict[str, str]:
    """Return the environment; what it does not say of NEWSLETTER_… may be in files of those names.

    systemd (LoadCredential=) and container engines (secrets) hand secrets over as files, in the folder that
    CREDENTIALS_DIRECTORY names: there, unlike in variables, no other process sees them.

    Raises ConfigError if such a file cannot be read.
    """
    env = dict(os.environ)
    folder = env.get("CREDENTIALS_DIRECTORY")
    for path in sorted(Path(folder).glob("NEWSLETTER_*")) if folder else ():
        try:
            env.setdefault(path.name, path.read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path} cannot be read: {getattr(error, 'strerror', '') or 'it is not UTF-8 text'}.",
                hint="Let the user that runs the newsletter read it.",
            ) from error
    return env


@dataclass(frozen=True)
class Services:
    """What the pipeline works with. Everything costly is made when first used."""

    workspace: Workspace
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Clock = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    _senders: dict[str, Sender] = field(default_factory=dict, init=False, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def settings(self) -> Settings:
        """The workspace's settings."""
        return self.workspace.settings

    def today(self) -> date:
        """Return today's date where the newsletter is at home."""
        return self.clock().astimezone(ZoneInfo(self.settings.newsletter.timezone)).date()

    def shown(self, path: Path) -> str:
        """Return a path as people like it: relative to the current folder when it is inside."""
        try:
            return str(path.resolve().relative_to(Path.cwd()))
        except ValueError:
            return str(path)

    @cached_property
    def raw_engine(self) -> "Engine":
        """The database as it is, perhaps not migrated yet."""
        from newsletter.store.engine import open_engine

        return open_engine(self.workspace.database_url)

    def close(self) -> None:
        """Leave the database, if it was used at all."""
        if "raw_engine" in self.__dict__:
            self.raw_engine.dispose()

    @cached_property
    def engine(self) -> "Engine":
        """The database, at this version's schema; an empty one is migrated by itself."""
        from newsletter.store.engine import ensure_current

        ensure_current(self.raw_engine)
        return self.raw_engine

    @cached_property
    def place(self) -> "Place":
        """Where this database is at home, for the restored-copy guard."""
        from newsletter.store.guard import here

        return here(self.raw_engine)

    @cached_property
    def tokens(self) -> Tokens:
        """The signer of links, with NEWSLETTER_SECRET (newest first, comma-separated) or a 0600 file.

        Raises ConfigError if it is too short, or gone while mail signed with it is out there.
        """
        path = self.workspace.subscribers / SECRET_FILE
        given = self.env.get("NEWSLETTER_SECRET", "")
        if given:
            keys, source = [key.strip() for key in given.split(",") if key.strip()], "NEWSLETTER_SECRET"
        elif path.exists():
            keys, source = path.read_text("ascii", "replace").split(), str(path)
        else:
            self._refuse_to_lose_links(path)
            keys, source = [write_secret(path)], str(path)
        if not keys or any(len(key) < 32 for key in keys):
            raise ConfigError(
                f"The secret in {source} is shorter than 32 characters.",
                hint="Unsubscribe links are signed with it. Make one: "
                'python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )
        return Tokens(keys)

    def _refuse_to_lose_links(self, path: Path) -> None:
        from newsletter.store.campaigns import all_campaigns

        if all_campaigns(self.engine):
            raise ConfigError(
                f"The secret that signed the links of earlier issues is gone: {path}.",
                hint="Put the file back from a backup, or set NEWSLETTER_SECRET to what it was.",
            )

    def sender(self, issue: "CompiledIssue") -> Sender:
        """Return the sender that the settings ask for. Raises SendError when the provider cannot be asked.

        The same one for each step of a send: SES answers GetAccount about once a second, not once a step.
        """
        if issue.hash not in self._senders:
            self._senders[issue.hash] = self._make_sender(issue)
        return self._senders[issue.hash]

    def _make_sender(self, issue: "CompiledIssue") -> Sender:
        if self.settings.sender.kind == "mailbox":
            return self.sender_in_form("raw")
        from newsletter.senders.ses import client_config, open_ses

        client = self._aws_client("sesv2", client_config())
        return open_ses(client, self.settings, issue, clock=self.clock)

    def refuse_unfit(self, issue: "CompiledIssue") -> None:
        """Raise SendError if mail of this account would not reach readers: not verified, in the sandbox."""
        if self.settings.sender.kind != "ses":
            return
        from newsletter.aws.doctor import examine_to_send, refuse_fatal

        account = getattr(self.sender(issue), "account", None)  # it has just been asked
        refuse_fatal(examine_to_send(self.aws, self.settings, account=account))

    def sender_in_form(self, form: "Form") -> Sender:
        """Return a sender whose form was decided elsewhere; the provider is not asked."""
        if self.settings.sender.kind == "mailbox":
            from newsletter.senders.mailbox import MailboxSender

            return MailboxSender(self.workspace.mailbox)
        return self.ses_sender(form)

    def publish_pictures(self, issue: "CompiledIssue") -> int:
        """Put the pictures that do not travel where the mail refers to them; return how many were new.

        Raises SendError or OSError if that fails: a mail must not leave before its pictures are there.
        """
        images = [image for image in issue.images if image.url]
        if not images:
            return 0
        from newsletter.archive.pictures import publish_to_bucket, publish_to_folder

        bucket = self.settings.archive.s3_bucket
        if bucket:
            return publish_to_bucket(images, bucket, lambda: self._aws_client("s3"))
        return publish_to_folder(images, self.workspace.pictures)

    @cached_property
    def shelf(self) -> "Shelf":
        """The archive of the sent issues. Raises ConfigError if its pages would have no address."""
        from newsletter.archive.imprint import Imprint
        from newsletter.archive.shelf import Shelf
        from newsletter.checks.colours import palette

        news = self.settings.newsletter
        colours = palette(news.brand_color, news.accent_color or news.brand_color)
        return Shelf(Imprint(self.workspace, colours), self.engine)

    def publish_page(self, issue: "CompiledIssue", begins_at: datetime | None) -> None:
        """Publish the page that an issue's mail links to, if it has one, and the archive with it.

        begins_at: when its send begins; None for one that is in the ledger. Raises SendError if that fails.
        """
        if issue.page and self.settings.archive_url:
            self.publish_archive(None if begins_at is None else (issue, begins_at))

    def publish_archive(
        self,
        about_to_go: "tuple[CompiledIssue, datetime] | None" = None,
        *,
        upload: bool = True,
        dry_run: bool = False,
    ) -> "Published":
        """Bring the archive up to date in its folder and, unless upload is False, in its bucket.

        about_to_go: an issue whose send begins at that instant. dry_run: change nothing. Raises SendError.
        """
        from newsletter.archive.publishing import publish

        make_client = partial(self._aws_client, "s3")
        return publish(self.shelf, make_client, about_to_go, upload=upload, dry_run=dry_run)

    def aws(self, service: str) -> Any:
        """Return a boto3 client for looking at and setting up the account; the same one for each call.

        Raises ConfigError if it cannot be made.
        """
        if service not in self._clients:
            from botocore.config import Config

            patient = Config(
                connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"}
            )
            self._clients[service] = self._aws_client(service, patient, shared=True)
        return self._clients[service]

    def ses_sender(self, form: "Form") -> Sender:
        """Return a sender to Amazon SES, whatever the settings send by: for mail to its simulator."""
        from newsletter.senders.ses import SesSender, client_config

        client = self._aws_client("sesv2", client_config())
        return SesSender(client, self.settings.ses, self.settings.newsletter.from_, form, clock=self.clock)

    def _aws_client(self, service: str, config: Any = None, *, shared: bool = False) -> Any:
        from botocore.exceptions import BotoCoreError

        hint = 'Set region in [ses], such as "eu-central-1", and check the AWS_* variables.'
        try:
            session = self._session if shared else self._new_session()
            if not session.region_name:
                raise ConfigError("No AWS region is set.", hint=hint)
            return session.client(service, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ConfigError(f"The AWS client cannot be made: {error}", hint=hint) from error

    @cached_property
    def _session(self) -> Any:
        return self._new_session()  # six clients of one session cost a fifth of six sessions

    def _new_session(self) -> Any:
        import boto3

        return boto3.session.Session(region_name=self.settings.ses.region or None)

    def where_mail_went(self) -> str:
        """Return a sentence that says where to look, when mail went into the local mailbox."""
        if self.settings.sender.kind != "mailbox":
            return ""
        here = Path.cwd().is_relative_to(self.workspace.root)
        command = "newsletter mailbox" if here else f"newsletter -C {self.shown(self.workspace.root)} mailbox"
        return f"\n\nThe mail is in {self.shown(self.workspace.mailbox)}/. Look at it: {command}"


def write_secret(path: Path) -> str:
    """Make a new secret, readable by its owner alone, and return it."""
    secret = secrets.token_urlsafe(32)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    return secret
