"""The image's steps in a clean folder, and the result where it will live: under systemd, and as process 1."""

import contextlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from tests.deploy.conftest import UNSHARE, inside
from tests.deploy.files import DEPLOY, stages
from tests.node_packages import do_without

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installed")]

NEWSLETTER = "/opt/newsletter/bin/newsletter"

#: A root of its own for a container: what this computer has, and a layer in memory that takes the changes.
ROOT = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
root="$1/root"
chroot "$root" useradd --uid 10001 --no-create-home --home-dir /workspace --shell /usr/sbin/nologin newsletter
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
"""

#: Everything that is imported anywhere in the program, so that no library trips over the sandbox later.
IMPORTS = """
import importlib, pathlib, pkgutil, newsletter
for module in pkgutil.walk_packages(newsletter.__path__, "newsletter."):
    if "__main__" not in module.name and ".versions." not in module.name and not module.name.endswith(".env"):
        importlib.import_module(module.name)
import boto3, matplotlib.pyplot, premailer, psycopg
boto3.client("sesv2", region_name="eu-central-1")
print("IMPORTED")
"""


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder that is no part of pytest's own, which is closed to others."""
    folder = Path("/tmp") / f"newsletter-box-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def needs_nspawn() -> None:
    if shutil.which("systemd-nspawn") is None:
        do_without("systemd-nspawn is not installed (Debian: systemd-container)")
    if os.geteuid() != 0:
        do_without("only root can start a container")


def test_the_steps_of_the_image_make_a_program_that_works(installed: Path, scratch: Path) -> None:
    said = inside(
        installed,
        f"""
        cd {shlex.quote(str(scratch))}
        {NEWSLETTER} --version
        {NEWSLETTER} init news --name "My practice"
        cd news
        {NEWSLETTER} subscribers add ada@example.org --consent "asked me"
        {NEWSLETTER} check latest
        {NEWSLETTER} send latest --yes
        {NEWSLETTER} run --once
        {NEWSLETTER} db backup --list
        """,
        env={"HOME": "/nonexistent"},
    )
    assert said.startswith("newsletter, version ")
    assert "1 of 1" in said or "sent" in said
    assert len(list((scratch / "news" / "subscribers" / "mailbox").rglob("*.eml"))) == 1
    assert not (installed / "newsletter" / "bin" / "pip").exists()  # nothing can be installed later


def test_under_systemd_the_daemon_sends_what_is_due_behind_all_its_walls(
    installed: Path, scratch: Path
) -> None:
    needs_nspawn()
    script = f"""
    set -eu
    run() {{ runuser -u newsletter -- {NEWSLETTER} -C /var/lib/newsletter "$@"; }}
    install -d -o newsletter -g newsletter -m 0700 /var/lib/newsletter
    install -d -m 0700 /etc/credstore
    (umask 077; printf '%s\\n' ssssssssssssssssssssssssssssssssssssssss > /etc/credstore/NEWSLETTER_SECRET)
    cd /var/lib/newsletter
    runuser -u newsletter -- {NEWSLETTER} init /tmp/made --name "My practice" >/dev/null
    cp -a /tmp/made/. .; rm -r /tmp/made subscribers/secret
    echo 'public_url = "https://news.example.org"' | sed -i '/^\\[newsletter\\]/r /dev/stdin' newsletter.toml
    run subscribers add ada@example.org --consent "asked me"
    NEWSLETTER_SECRET=$(cat /etc/credstore/NEWSLETTER_SECRET); export NEWSLETTER_SECRET
    run approve latest
    run schedule add latest "$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%S+00:00)"
    unset NEWSLETTER_SECRET
    sleep 4
    systemctl start newsletter.service
    for _ in $(seq 60); do ls subscribers/mailbox/*.eml >/dev/null 2>&1 && break; sleep 0.5; done
    main=$(systemctl show -P MainPID newsletter)
    grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$main/status"
    tr '\\0' '\\n' < "/proc/$main/environ" | grep -c ssssss || echo "NO SECRET IN THE ENVIRONMENT"
    python3 -c "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/health').read().decode())"
    grep -o 'https://news.example.org/u/[^>]*' subscribers/mailbox/*.eml | head -1
    find subscribers -type f ! -perm 0600 -o -type d ! -perm 0700 | sed 's/^/LOOSE /'
    systemctl stop newsletter.service
    systemctl show -p Result -p ExecMainStatus newsletter
    systemctl start newsletter-send.service
    systemctl show -p Result -p ExecMainStatus newsletter-send
    sed 's#^ExecStart=.*#ExecStart=/opt/newsletter/bin/python /imports.py#' \\
        /etc/systemd/system/newsletter-send.service > /etc/systemd/system/imports.service
    systemctl daemon-reload
    systemctl start imports.service || true
    journalctl --no-pager -q -o cat
    echo THE END
    """
    output = _boot(installed, scratch, script)
    assert "THE END" in output, output[-4000:]
    for line in (
        "Uid:\t10001\t10001\t10001\t10001",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "NO SECRET IN THE ENVIRONMENT",
        '{"status":"ok"}',
        "event=finished",
        "event=stopped exit=0",
        "Nothing is due.",
        "IMPORTED",
    ):
        assert line in output, (line, output[-4000:])
    assert output.count("Result=success") == 2
    assert "LOOSE" not in output
    from newsletter.tokens import Tokens

    token = output.split("https://news.example.org/u/")[1].split()[0]
    assert Tokens(["s" * 40]).read(token) is not None  # the secret came from the credential, as a file


def _boot(installed: Path, scratch: Path, script: str) -> str:
    """Boot systemd as process 1 of a container, run the script there, and return what it printed."""
    units = shlex.quote(str(DEPLOY / "systemd"))
    (scratch / "script").write_text(script, "utf-8")
    (scratch / "imports.py").write_text(IMPORTS, "utf-8")
    (scratch / "probe.service").write_text(
        """[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'bash /script > /printed 2>&1; systemctl poweroff --force'
""",
        "utf-8",
    )
    (scratch / "probe.target").write_text(
        "[Unit]\nRequires=basic.target probe.service\nAfter=basic.target\nAllowIsolate=yes\n", "utf-8"
    )
    (scratch / "layer").mkdir()
    prepared = f"""
    here={shlex.quote(str(scratch))}
    set -- "$here/layer"
    {ROOT}
    cp {units}/*.service {units}/*.timer "$here"/probe.* "$root/etc/systemd/system/"
    cp "$here/script" "$here/imports.py" "$root/"
    timeout 150 systemd-nspawn --quiet --register=no --keep-unit --private-network --resolv-conf=off \\
        --machine=newsletter-{os.getpid()} --bind-ro={shlex.quote(str(installed))}:/opt --directory="$root" \\
        --boot systemd.unit=probe.target systemd.show_status=0 </dev/null >"$here/console" 2>&1 || true
    cat "$root/printed" || cat "$here/console"
    """
    done = subprocess.run(
        [*UNSHARE, "sh", "-euc", prepared], cwd="/", capture_output=True, text=True, check=False, timeout=180
    )
    return done.stdout + done.stderr


def test_as_process_1_of_a_container_it_answers_and_ends_in_order(installed: Path, scratch: Path) -> None:
    needs_nspawn()
    inside(
        installed,
        f"""
        {NEWSLETTER} init {scratch}/workspace --name "My practice"
        echo 'public_url = "https://news.example.org"' \\
            | sed -i '/^\\[newsletter\\]/r /dev/stdin' {scratch}/workspace/newsletter.toml
        rm {scratch}/workspace/subscribers/secret
        chown -R 10001:10001 {scratch}/workspace
        """,
    )
    (scratch / "secrets").mkdir()
    (scratch / "secrets" / "NEWSLETTER_SECRET").write_text("s" * 40, "utf-8")
    (scratch / "layer").mkdir()
    final = {step.name: step.text for step in stages()[-1]}
    command = [*yaml.safe_load(final["ENTRYPOINT"]), *yaml.safe_load(final["CMD"])]
    health = yaml.safe_load(final["HEALTHCHECK"].split("CMD ", 1)[1])
    prepared = f"""
    here={shlex.quote(str(scratch))}
    set -- "$here/layer"
    {ROOT}
    mkdir -p "$root/workspace" "$root/secrets"
    exec systemd-nspawn --quiet --register=no --keep-unit --console=pipe --kill-signal=SIGTERM \\
        --machine=newsletter-one-{os.getpid()} --directory="$root" --resolv-conf=off \\
        --read-only --tmpfs=/tmp:mode=1777,noexec --bind="$here/workspace":/workspace \\
        --bind-ro="$here/secrets":/secrets --bind-ro={shlex.quote(str(installed))}:/opt \\
        --private-network --drop-capability=all --no-new-privileges=yes \\
        --user=newsletter --chdir=/workspace --setenv=HOME=/tmp --setenv=NEWSLETTER_WORKSPACE=/workspace \\
        --setenv=CREDENTIALS_DIRECTORY=/secrets --setenv=PATH=/opt/newsletter/bin:/usr/bin \\
        {shlex.join(command)}
    """
    with (scratch / "log").open("w") as log:
        container = subprocess.Popen([*UNSHARE, "sh", "-euc", prepared], cwd="/", stdout=log, stderr=log)
        try:
            program = _payload(container.pid, log_file=scratch / "log")
            status = Path(f"/proc/{program.pid}/status").read_text("ascii")
            assert "NSpid:" in status and status.split("NSpid:")[1].splitlines()[0].split()[-1] == "1"
            _until_healthy(program.pid, health, scratch / "log")
            container.terminate()  # nspawn passes SIGTERM on to process 1, as an engine does
            assert container.wait(timeout=40) == 0
        finally:
            container.kill()
            container.wait()
    said = (scratch / "log").read_text("utf-8")
    assert "event=running" in said and "pid=1 " in said
    assert "event=stopped exit=0" in said, said
    assert "Traceback" not in said


def _payload(nspawn: int, *, log_file: Path) -> psutil.Process:
    for _ in range(100):
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(nspawn).children(recursive=True):
                if "run" in child.cmdline() and "newsletter" in " ".join(child.cmdline()):
                    return child
        time.sleep(0.2)
    raise AssertionError(log_file.read_text("utf-8"))


def _until_healthy(pid: int, command: list[str], log: Path) -> None:
    """Run the image's own health check in the container until it says that all is well."""
    enter = ["nsenter", f"--target={pid}", "--mount", "--net", "--pid", "--root"]
    env = {"PATH": "/opt/newsletter/bin:/usr/bin:/bin"}
    for _ in range(60):
        done = subprocess.run([*enter, *command], env=env, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.5)
    raise AssertionError(done.stderr[-500:] + log.read_text("utf-8"))
