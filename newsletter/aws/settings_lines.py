"""Writing a few settings into newsletter.toml, and leaving every other line, and every note, as it is."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["with_settings", "write_settings"]


def write_settings(path: Path, section: str, values: Mapping[str, str]) -> bool:
    """Write values into a section of a settings file; return whether anything changed. All or nothing."""
    before = path.read_text("utf-8")
    after = with_settings(before, section, values)
    if after == before:
        return False
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(after)
        Path(name).chmod(path.stat().st_mode & 0o777)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def with_settings(source: str, section: str, values: Mapping[str, str]) -> str:
    """Return TOML with ``key = "value"`` in a section.

    A line with the key is changed, else one where it is commented out; else a line is put below the header,
    and the section is made if there is none.

    >>> print(with_settings('[ses]\\n#queue=""\\napi = "raw" # slow\\n', "ses", {"queue": "q", "api": "a"}))
    [ses]
    queue = "q"
    api = "a" # slow
    <BLANKLINE>
    """
    lines = source.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for key, value in values.items():
        text = f"{key} = {json.dumps(value, ensure_ascii=False)}"
        span = _span(lines, section)
        if span is None:
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += end
            lines += [end, f"[{section}]{end}", f"{text}{end}"]
            continue
        place = _place(lines, span, rf"\s*{re.escape(key)}\s*=")
        if place is None:
            place = _place(lines, span, rf"\s*#\s*{re.escape(key)}\s*=")
        if place is None:
            lines.insert(span[0] + 1, f"{text}{end}")
        else:
            lines[place] = text + _remark(lines[place]) + end
    return "".join(lines)


def _span(lines: list[str], section: str) -> tuple[int, int] | None:
    """Return where a section's header stands, and where the section ends."""
    start = _place(lines, (-1, len(lines)), rf"\s*\[\s*{re.escape(section)}\s*\]")
    if start is None:
        return None
    following = _place(lines, (start, len(lines)), r"\s*\[")
    return start, len(lines) if following is None else following


def _place(lines: list[str], span: tuple[int, int], pattern: str) -> int | None:
    return next((n for n in range(span[0] + 1, span[1]) if re.match(pattern, lines[n])), None)


def _remark(line: str) -> str:
    """Return the note behind a value: what follows a # outside quotes, with the space before it."""
    match = re.match(
        r"""\s*(?:#\s*)?[\w-]+\s*=\s*(?:"(?:\\.|[^"\\])*"|'[^']*'|[^#\n\r]*?)(\s+#.*)?[\r\n]*$""", line
    )
    return (match[1] or "").rstrip() if match else ""
