"""``newsletter`` and ``python -m newsletter``."""

from newsletter.cli.main import cli

__all__ = ["main"]


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    cli(prog_name="newsletter")


if __name__ == "__main__":
    main()
