"""Whether the process that claimed a delivery still lives."""

import os
import subprocess
import sys

from newsletter.delivery.owners import is_dead, this_process


def owner_of(pid: int) -> str:
    """The name under which a process of ours would claim."""
    import psutil

    host = this_process().rsplit(":", 2)[0]
    return f"{host}:{pid}:{psutil.Process(pid).create_time():.2f}"


def test_this_process_is_alive() -> None:
    assert not is_dead(this_process())
    assert this_process().split(":")[1] == str(os.getpid())


def test_a_process_that_ended_is_dead_even_before_its_parent_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        owner = owner_of(child.pid)
        assert not is_dead(owner)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(owner)
        child.wait()
        assert is_dead(owner)


def test_another_process_with_the_same_number_is_not_the_owner() -> None:
    host, pid, start = this_process().rsplit(":", 2)
    assert is_dead(f"{host}:{pid}:{float(start) - 3600}")
    assert not is_dead(f"{host}:{pid}:{float(start) + 1}")  # the wall clock was set by a second


def test_of_other_hosts_and_of_nonsense_nothing_is_known() -> None:
    assert not is_dead("elsewhere.example.org:1:1.00")
    assert not is_dead("nonsense")
    assert not is_dead("a:b:c")
