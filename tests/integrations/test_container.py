"""The container: its steps run in a bare Debian root, as its user, with a read-only root."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from places import ROOT

FOLDER = ROOT / "integrations" / "container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "src")


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, continued lines joined, without comments."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line]


def last(name: str) -> str:
    return [rest for found, rest in instructions() if found == name][-1]


def test_the_last_user_is_not_root() -> None:
    user = last("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert f"USER_ID={user.partition(':')[0]}\n" in (FOLDER / "install.sh").read_text("utf-8")
    names = [name for name, _ in instructions()]
    assert names[names.index("USER") :].count("RUN") == 0


def test_every_copied_file_exists_and_every_step_is_in_the_script() -> None:
    for name, rest in instructions():
        words = rest.split()
        if name == "COPY" and not words[0].startswith("--from"):
            assert all((ROOT / word).exists() for word in words[:-1])
        if name == "RUN":
            assert words[:2] == ["sh", "/install/install.sh"]
    copied = [rest.split() for name, rest in instructions() if name == "COPY"]
    assert set(SOURCES) <= {word for words in copied for word in words}


def test_the_health_check_is_that_of_the_image() -> None:
    assert "/opt/depthmatte/health_check.py" in last("HEALTHCHECK")
    assert "TARGET=/opt/depthmatte\n" in (FOLDER / "install.sh").read_text("utf-8")


def test_compose_closes_what_it_can() -> None:
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))["services"]["depthmatte"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (FOLDER / service["build"]["context"]).resolve() == ROOT


def test_the_script_is_understood_by_a_plain_shell() -> None:
    if shutil.which("sh") is None:
        pytest.skip("needs sh")
    script = str(FOLDER / "install.sh")
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    run = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, "usage: install.sh system | package SOURCE\n")


@pytest.fixture(scope="module")
def health() -> ModuleType:
    spec = importlib.util.spec_from_file_location("health_check", FOLDER / "health_check.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def statuses() -> Iterator[tuple[int, list[int]]]:
    """A server whose GET /healthz answers the first status of the list."""
    answers = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[0] if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server.server_port, answers
        server.shutdown()
        thread.join(5)


def test_health(health: ModuleType, statuses: tuple[int, list[int]]) -> None:
    port, answers = statuses
    for answers[0], expected in ((200, True), (503, False), (404, False)):
        assert health.is_healthy(port) is expected


def test_nobody_there_is_not_healthy(health: ModuleType) -> None:
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        assert not health.is_healthy(taken.getsockname()[1], 0.5)


INSIDE = """
set -eu
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/tmp"
mount -o remount,ro,bind "$1"
shift 1
exec "$@"
"""
"""Run a command with the folder $1 as a read-only root, apart from /tmp."""


def in_container(root: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command as the container does: its user and variables, read-only root."""
    variables = dict(re.findall(r"(\w+)=(\S+)", last("ENV")))
    variables["PATH"] = variables["PATH"].replace("$PATH", "/usr/bin:/bin")
    user, _, group = last("USER").partition(":")
    return subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c", INSIDE, "sh", str(root)),
            *("chroot", f"--userspec={user}:{group}", "--groups=", str(root)),
            *("sh", "-c", command),
        ],
        env=variables | {"PATH": f"{variables['PATH']}:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.long
def test_the_steps_in_a_bare_root(tmp_path: Path) -> None:
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("needs root and debootstrap")
    root = tmp_path / "root"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", "trixie", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"needs Debian's packages: {made.stdout[-200:]}")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (root / "source").mkdir(exist_ok=True)
        copy(ROOT / name, root / "source" / name)
    (root / "install").mkdir()
    for name in ("install.sh", "health_check.py"):
        shutil.copy(FOLDER / name, root / "install" / name)
    bundle = os.environ.get("PIP_CERT")
    if bundle:  # where packages come through a proxy with a certificate of its own
        shutil.copy(bundle, root / "install" / "ca.pem")
    for step in (["system"], ["package", "/source"]):
        run = subprocess.run(
            ["chroot", str(root), "sh", "/install/install.sh", *step],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            | ({"PIP_CERT": "/install/ca.pem"} if bundle else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    shutil.rmtree(root / "source")
    check_root(root)


def check_root(root: Path) -> None:
    """The installed root runs as its user, and writes to /tmp only."""
    run = in_container(root, "id -u; depthmatte --version; touch /there || echo read-only")
    assert run.stdout.split("\n")[0] == "10001", run.stderr
    assert "read-only" in run.stdout
    draw = "import cv2, numpy; cv2.imwrite('/tmp/p.png', numpy.full((90, 70, 3), 90, 'uint8'))"
    run = in_container(root, f'cd /tmp && python -c "{draw}" && depthmatte cut p.png && ls out')
    assert (run.returncode, run.stdout.split()[-1]) == (0, "p.cutout.png"), run.stderr
    run = in_container(root, "python /opt/depthmatte/health_check.py")
    assert run.returncode == 1  # no server runs
    assert run.stderr == ""
