"""Secrets as files, the way systemd and container engines hand them over."""

from pathlib import Path

import pytest

from newsletter.errors import ConfigError
from newsletter.tokens import Tokens
from newsletter.wiring import environment, open_services
from tests.workspaces import make_desk


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def test_a_file_stands_for_the_variable_of_its_name(credentials: Path, tmp_path: Path) -> None:
    (credentials / "NEWSLETTER_SECRET").write_text("k" * 40 + "\n", "utf-8")
    (credentials / "NEWSLETTER_DATABASE__URL").write_text("sqlite:///subscribers/other.db\n", "utf-8")
    (credentials / "AWS_CREDENTIALS").write_text("not ours", "utf-8")
    services = open_services(make_desk(tmp_path / "desk").root)
    assert services.workspace.database_url.endswith("/desk/subscribers/other.db")
    token = services.tokens.sign("u", 7)
    assert Tokens(["k" * 40]).read(token) is not None
    assert "AWS_CREDENTIALS" not in services.env


def test_a_variable_that_is_set_wins(credentials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (credentials / "NEWSLETTER_SECRET").write_text("from the file", "utf-8")
    monkeypatch.setenv("NEWSLETTER_SECRET", "from the variable")
    assert environment()["NEWSLETTER_SECRET"] == "from the variable"


def test_no_folder_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))
    assert "NEWSLETTER_SECRET" not in environment()


def test_a_file_that_is_no_text_is_named_but_not_shown(credentials: Path) -> None:
    (credentials / "NEWSLETTER_SECRET").write_bytes(b"\xff\xfe hidden")
    with pytest.raises(ConfigError, match="NEWSLETTER_SECRET cannot be read") as caught:
        environment()
    assert "hidden" not in str(caught.value)
