"""What a forked process does to be the program: an interpreter of its own would be slow to load."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["become"]


def become(args: Sequence[str], output: str) -> NoReturn:
    """Be the real command line, with its output in a file; the process ends with its exit code."""
    from newsletter.cli.main import cli

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number in (1, 2):
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        cli(args, prog_name="newsletter")
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0
    except BaseException as error:
        sys.stderr.write(f"Traceback: {error!r}")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
