"""Cells that a spreadsheet would run as a formula: made harmless in an export, and as they were in an import.

Source: OWASP, "CSV Injection". An apostrophe goes before a cell that begins with one of the signs below,
also if apostrophes stand before the sign already; so taking one off is always right for our own files.
"""

import re

__all__ = ["disarm", "rearm"]

_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_DISARMED = re.compile(r"'+[=+\-@\t\r]")


def disarm(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula.

    >>> disarm("=1+1"), disarm("'=1"), disarm("Ada"), disarm("'s-Hertogenbosch")
    ("'=1+1", "''=1", 'Ada', "'s-Hertogenbosch")
    """
    return f"'{text}" if _DANGEROUS.match(text) else text


def rearm(cell: str) -> str:
    """Return the text that ``disarm`` made a cell of.

    >>> rearm("'=1+1"), rearm("''=1"), rearm("'s-Hertogenbosch")
    ('=1+1', "'=1", "'s-Hertogenbosch")
    """
    return cell[1:] if cell[:1] == "'" and _DISARMED.match(cell) else cell
