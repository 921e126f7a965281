"""What the import asks on a terminal: a real one, with the program as a process of its own."""

import os
import pty
import subprocess
import sys

import pytest

from tests.workspaces import Desk


@pytest.mark.slow
def test_on_a_terminal_the_import_asks_where_the_people_agreed(desk: Desk) -> None:
    file = desk.write("people.csv", "email\nnew@example.org\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter", "-C", str(desk.root), "subscribers", "import", str(file)],
        env={**os.environ, **desk.env, "TERM": "xterm"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while b"agree" not in seen:
        seen += os.read(ours, 1000)
    os.write(ours, b"the spring fair\n")
    assert process.stdout is not None
    with process.stdout as out:
        said = out.read()
    assert process.wait(timeout=30) == 0
    os.close(ours)
    assert b"1 new" in said
    [batch] = desk.json("subscribers", "imports")["imports"]
    assert batch["source"] == "the spring fair"
