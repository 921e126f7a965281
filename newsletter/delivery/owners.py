"""Who claims deliveries: one process, named "host:pid:start-time", and whether it still lives."""

import socket
from typing import Final

import psutil

__all__ = ["is_dead", "this_process"]

# The system derives a process's start from its wall clock, which is set now and then: two looks at one
# process may differ a little. To take a dead process for a living one costs waiting for its lease.
_TOLERANCE_SECONDS: Final = 2.0


def this_process() -> str:
    """Return this process's name as an owner of claims, at most 120 characters."""
    process = psutil.Process()
    return f"{_host()}:{process.pid}:{process.create_time():.2f}"


def is_dead(owner: str) -> bool:
    """Return whether the owner is known to be gone: it was on this host, and no such process runs.

    A number that now belongs to a process with another start time is another process. Of other hosts,
    and of what cannot be seen or read, nothing is known: False, the lease decides.
    """
    try:
        host, pid, started = owner.rsplit(":", 2)
        number, start = int(pid), float(started)
    except ValueError:
        return False
    if host != _host():
        return False
    try:
        process = psutil.Process(number)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return abs(process.create_time() - start) > _TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _host() -> str:
    return socket.gethostname()[:64]
