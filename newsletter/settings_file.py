"""Reading ``newsletter.toml``: strict, with file and line in every error.

Unknown keys are errors, because a misspelt ``reply_to`` must not be noticed by the readers first.
"""

import dataclasses
import json
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from newsletter.errors import ConfigError, did_you_mean
from newsletter.settings import SETTINGS_FILE, Settings
from newsletter.settings_rules import contradictions

__all__ = ["find_workspace", "load_settings"]


def find_workspace(start: Path, explicit: Path | None, env: Mapping[str, str]) -> Path:
    """Return the workspace folder: explicit, else ``NEWSLETTER_WORKSPACE``, else start or a folder above it.

    Raises ConfigError if there is none.
    """
    chosen = explicit or (Path(env["NEWSLETTER_WORKSPACE"]) if env.get("NEWSLETTER_WORKSPACE") else None)
    if chosen is not None:
        if not (chosen / SETTINGS_FILE).is_file():
            raise ConfigError(
                f"{chosen} is not a workspace: it has no {SETTINGS_FILE}.",
                hint=f"Make one with: newsletter init {chosen}",
            )
        return chosen.resolve()
    for folder in [start.resolve(), *start.resolve().parents]:
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise ConfigError(
        f"No {SETTINGS_FILE} here or in any folder above.",
        hint="Go into your newsletter's folder, name it with -C DIR, or make one: newsletter init DIR",
    )


def load_settings(root: Path, env: Mapping[str, str]) -> Settings:
    """Return the settings of the workspace at root, with overrides from env.

    Raises ConfigError, with file and line, for whatever is missing, misspelt, of a wrong type or
    contradictory.
    """
    path = root / SETTINGS_FILE
    try:
        source = path.read_text("utf-8")
        raw = tomllib.loads(source)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{SETTINGS_FILE} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{SETTINGS_FILE}:{line[1]}" if line else SETTINGS_FILE
        raise ConfigError(
            f"{where}: not valid TOML: {error}.", hint='Write text in quotes: name = "My newsletter".'
        ) from error
    settings = _Reader(source, env).read(raw)
    _check(settings, source)
    return settings


class _Reader:
    """Turns the TOML tables and the environment into Settings."""

    def __init__(self, source: str, env: Mapping[str, str]) -> None:
        self._source, self._env = source, env

    def read(self, raw: Mapping[str, Any]) -> Settings:
        sections = typing.get_type_hints(Settings)
        for name in raw:
            if name not in sections:
                raise self._error(
                    f"There is no section [{name}].{did_you_mean(name, sections)}",
                    name,
                    hint=f"Sections: {', '.join(sections)}.",
                )
        for variable in self._env:
            match = re.fullmatch(r"NEWSLETTER_([A-Z]+)__([A-Z0-9_]+)", variable)
            if match and match[1].lower() not in sections:
                raise ConfigError(
                    f"{variable} names no section.{did_you_mean(match[1].lower(), sections)}",
                    hint="Write NEWSLETTER_SECTION__KEY.",
                )
        values: dict[str, Any] = {}
        for name, kind in sections.items():
            table = raw.get(name, {})
            if not isinstance(table, dict):
                raise self._error(
                    f"{name} must be a section.", name, hint=f"Write [{name}] on a line of its own."
                )
            values[name] = (
                self._section(name, kind, table)
                if dataclasses.is_dataclass(kind)
                else self._free(name, table)
            )
        return Settings(**values)

    def _overrides(self, section: str) -> dict[str, str]:
        prefix = f"NEWSLETTER_{section.upper()}__"
        return {k.removeprefix(prefix).lower(): v for k, v in self._env.items() if k.startswith(prefix)}

    def _free(self, section: str, table: Mapping[str, Any]) -> dict[str, str]:
        for key, value in table.items():
            if not isinstance(value, str):
                raise self._error(
                    f"[{section}] {key} must be text.", section, key, hint='Write "tag:families".'
                )
        return {**table, **self._overrides(section)}

    def _section(self, section: str, kind: Any, table: Mapping[str, Any]) -> Any:
        hints = typing.get_type_hints(kind)
        known = {name.rstrip("_"): name for name in hints}  # `from` is a keyword: the attribute is `from_`
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in known:
                raise self._error(
                    f"There is no setting {key} in [{section}].{did_you_mean(key, known)}",
                    section,
                    key,
                    hint=f"Settings there: {', '.join(known)}.",
                )
            values[known[key]] = self._typed(section, key, value, hints[known[key]])
        for key, text in self._overrides(section).items():
            if key not in known:
                raise ConfigError(
                    f"NEWSLETTER_{section.upper()}__{key.upper()} is no setting.{did_you_mean(key, known)}",
                    hint=f"Settings of [{section}]: {', '.join(known)}.",
                )
            values[known[key]] = self._typed(section, key, _parse(text, hints[known[key]]), hints[known[key]])
        for attribute in dataclasses.fields(kind):
            required = attribute.default is dataclasses.MISSING
            if required and attribute.name not in values:
                key = attribute.name.rstrip("_")
                raise self._error(
                    f"[{section}] needs {key}.", section, hint=f"Add a line to [{section}]: {_EXAMPLES[key]}"
                )
        return kind(**values)

    def _typed(self, section: str, key: str, value: Any, wanted: Any) -> Any:
        if get_origin(wanted) is Literal:
            if value in get_args(wanted):
                return value
            choices = ", ".join(f'"{choice}"' for choice in get_args(wanted))
            near = did_you_mean(str(value), get_args(wanted))
            raise self._error(
                f"[{section}] {key} is {value!r}.{near}", section, key, hint=f"Choose one of {choices}."
            )
        if get_origin(wanted) is tuple and isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if (
            isinstance(wanted, type)
            and isinstance(value, wanted)
            and not (wanted is int and isinstance(value, bool))
        ):
            return value
        raise self._error(
            f"[{section}] {key} is {value!r}, not {_TYPE_NAMES.get(wanted, 'a list of texts')}.",
            section,
            key,
            hint="Change its value in newsletter.toml, or the variable that overrides it.",
        )

    def _error(self, message: str, section: str, key: str | None = None, *, hint: str) -> ConfigError:
        return ConfigError(f"{where(self._source, section, key)}: {message}", hint=hint)


_EXAMPLES = {"name": 'name = "Ignite Music Therapy"', "from": 'from = "Ignite <hello@example.org>"'}
_TYPE_NAMES: Mapping[Any, str] = types.MappingProxyType(
    {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
)


def where(source: str, section: str, key: str | None = None) -> str:
    """Return "newsletter.toml:LINE" of a key or a section header, or the bare file name."""
    inside, found = False, None
    for number, line in enumerate(source.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            inside = header[1] == section
            if inside:
                found = number
        elif inside and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f"{SETTINGS_FILE}:{number}"
    return f"{SETTINGS_FILE}:{found}" if found else SETTINGS_FILE


def _parse(text: str, wanted: Any) -> Any:
    """Return an environment variable's text as the wanted type; unreadable text stays as it is."""
    if wanted is str or get_origin(wanted) is Literal:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check(settings: Settings, source: str) -> None:
    """Raise ConfigError if a value is well-typed but cannot work."""
    for section, key, message, hint in contradictions(settings):
        raise ConfigError(f"{where(source, section, key)}: [{section}] {key} {message}", hint=hint)
