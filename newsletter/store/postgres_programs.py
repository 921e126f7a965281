"""PostgreSQL's own programs: ``pg_dump``, ``pg_restore``, ``psql``. No password is on their command lines."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from sqlalchemy import URL

from newsletter.errors import NewsletterError

__all__ = ["NoPgDump", "address", "call"]


class NoPgDump(NewsletterError):  # noqa: N818
    """PostgreSQL's own program for backups is not on this computer."""


def address(url: URL) -> tuple[str, dict[str, str]]:
    """Return a database's address for libpq, and its password as an environment variable, if it has one."""
    secret = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    # everybody on this computer can read a command line: the password is not in it
    place = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return place.render_as_string(hide_password=False), secret


def call(program: str, arguments: Sequence[str], *, env: Mapping[str, str], failed: str, hint: str) -> str:
    """Run a program of PostgreSQL and return what it printed.

    env: of the process; ``PATH`` says where programs are. failed, hint: for the error, after its name.

    Raises NoPgDump if the program is missing; NewsletterError, on one line without an address, if it fails.
    """
    path = shutil.which(program, path=env.get("PATH"))
    if path is None:
        raise NoPgDump(
            f"{program} is not on this computer, so this cannot be done here.",
            hint="Install PostgreSQL's client programs (postgresql-client), or back up on the server.",
        )
    done = subprocess.run(  # noqa: S603  (the program and its options are ours, each path is one argument)
        [path, *arguments],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = re.sub(r"\S+@\S+", "(an address)", " ".join(done.stderr.split()))
        raise NewsletterError(f"{program} {failed}: {said[:300]}", hint=hint)
    return done.stdout
