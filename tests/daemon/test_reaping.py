"""As process 1 of a container, nobody's dead children do not pile up."""

import subprocess
import sys

_PROGRAM = """
import ctypes, subprocess, time
import psutil as ps
from newsletter.daemon.reaping import Reaper

# orphans below become ours, as they do process 1's: PR_SET_CHILD_SUBREAPER
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
reaper = Reaper(patience=0.2)
# a shell that leaves a process behind, which ends when the shell is gone
subprocess.run(["sh", "-c", "(sleep 0.1; exit 3) & exit 0"], check=True)
own = subprocess.Popen(["sleep", "1"])
deadline, reaped = time.monotonic() + 20, []
while not reaped and time.monotonic() < deadline:
    reaped += reaper.look()
    time.sleep(0.05)
zombies = [c.pid for c in ps.Process().children() if c.status() == ps.STATUS_ZOMBIE]
print(len(reaped), len(zombies), own.wait())
"""


def test_orphans_that_have_ended_are_waited_for_and_our_own_children_are_left_to_whoever_started_them() -> (
    None
):
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["1", "0", "0"]


def test_without_children_there_is_nothing_to_do() -> None:
    from newsletter.daemon.reaping import Reaper

    now = iter([0.0, 1.0, 30.0])
    reaper = Reaper(monotonic=lambda: next(now))
    assert [reaper.look() for _ in range(3)] == [[], [], []]
