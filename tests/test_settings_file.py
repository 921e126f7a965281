"""newsletter.toml: what is read, and that whatever is wrong is named with file and line."""

from pathlib import Path

import pytest

from newsletter.errors import ConfigError
from newsletter.settings import Settings, Workspace
from newsletter.settings_file import find_workspace, load_settings

GOOD = """\
[newsletter]
name = "Ignite"
from = "Ignite <hello@example.org>"
timezone = "Europe/Berlin"

[ses]
share = 0.5

[segments]
families = "tag:families"
"""


def read(folder: Path, text: str, **env: str) -> Settings:
    (folder / "newsletter.toml").write_text(text, "utf-8")
    return load_settings(folder, env)


def test_sections_and_keys_become_typed_attributes(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.newsletter.from_ == "Ignite <hello@example.org>"
    assert settings.ses.share == 0.5
    assert settings.segments == {"families": "tag:families"}
    assert settings.sender.kind == "mailbox"


def test_a_variable_overrides_any_key_with_its_type(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        GOOD,
        NEWSLETTER_SENDER__KIND="ses",
        NEWSLETTER_SES__SHARE="1",
        NEWSLETTER_NEWSLETTER__FROM="Other <other@example.org>",
        NEWSLETTER_TRACKING__OPENS="true",
        NEWSLETTER_SCHEDULE__NAG='["1d"]',
    )
    assert settings.sender.kind == "ses"
    assert settings.ses.share == 1.0
    assert settings.newsletter.from_ == "Other <other@example.org>"
    assert settings.tracking.opens is True
    assert settings.schedule.nag == ("1d",)


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("name =", "nmae ="), 2, 'Did you mean "name"?'),
        (("[ses]", "[sess]"), 6, 'Did you mean "ses"?'),
        (('name = "Ignite"\n', ""), 1, "needs name"),
        (("share = 0.5", 'share = "half"'), 7, "not a number"),
        (("share = 0.5", "share = 1.5"), 7, "above 0 and at most 1"),
        (("share = 0.5", 'api = "bulc"'), 7, 'Did you mean "bulk"?'),
        (("Europe/Berlin", "Europe/Berlim"), 4, "is not known"),
        (("hello@example.org", "hello at example.org"), 3, "not an address"),
        (('timezone = "Europe/Berlin"', 'public_url = "http://example.org"'), 4, "RFC 8058"),
        (('"tag:families"', "7"), 10, "must be text"),
        (("[ses]", "[ses"), 6, "not valid TOML"),
        (("share = 0.5", '[schedule]\nmax_late = "soon"'), 8, "time span"),
        (('timezone = "Europe/Berlin"', 'brand_color = "teal"'), 4, "six hex digits"),
        (('timezone = "Europe/Berlin"', 'brand_color = ""'), 4, "six hex digits"),
        (('timezone = "Europe/Berlin"', 'accent_color = "#b42"'), 4, "six hex digits"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    tmp_path: Path, change: tuple[str, str], line: int, says: str
) -> None:
    broken = GOOD.replace(*change)
    assert broken != GOOD
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, broken)
    assert str(caught.value).startswith(f"newsletter.toml:{line}: ")
    assert says in f"{caught.value} {caught.value.hint}"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("variable", ["NEWSLETTER_SENDR__KIND", "NEWSLETTER_SENDER__KNID"])
def test_a_misspelt_variable_is_an_error_too(tmp_path: Path, variable: str) -> None:
    with pytest.raises(ConfigError, match="Did you mean"):
        read(tmp_path, GOOD, **{variable: "ses"})


def test_a_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings(tmp_path, {})


def test_the_workspace_is_found_from_any_folder_inside(tmp_path: Path) -> None:
    read(tmp_path, GOOD)
    deep = tmp_path / "issues" / "pictures"
    deep.mkdir(parents=True)
    assert find_workspace(deep, None, {}) == tmp_path.resolve()


def test_an_explicit_folder_wins_over_the_variable(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        read(tmp_path / name, GOOD)
    env = {"NEWSLETTER_WORKSPACE": str(tmp_path / "one")}
    assert find_workspace(tmp_path, None, env).name == "one"
    assert find_workspace(tmp_path, tmp_path / "two", env).name == "two"


def test_no_workspace_is_an_error_that_says_how_to_make_one(tmp_path: Path) -> None:
    for explicit in (None, tmp_path / "nowhere"):
        with pytest.raises(ConfigError) as caught:
            find_workspace(tmp_path, explicit, {})
        assert "newsletter init" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "sqlite:///{root}/subscribers/newsletter.db"),
        ("sqlite:///people.db", "sqlite:///{root}/people.db"),
        ("sqlite:////srv/people.db", "sqlite:////srv/people.db"),
        ("postgresql://host/name", "postgresql://host/name"),
    ],
)
def test_a_relative_database_file_is_in_the_workspace(tmp_path: Path, url: str, expected: str) -> None:
    settings = read(tmp_path, GOOD + f'\n[database]\nurl = "{url}"\n')
    assert Workspace(root=tmp_path, settings=settings).database_url == expected.format(root=tmp_path)
