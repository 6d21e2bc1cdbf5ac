"""The schedule files that the docs hand out, run as cron and systemd would run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import depthmatte
from depthmatte.networks.adopted import adopted_folder
from depthmatte.system.folder_lock import folder_lock
from places import ROOT
from test_feedback_training import fill_store, write_pairs

SCHEDULE = ROOT / "examples" / "schedule"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="cron and systemd are not there")


def exec_start() -> str:
    """The command line of the service. systemd splits it as a shell does."""
    text = (SCHEDULE / "depthmatte-feedback.service").read_text("utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    return line.removeprefix("ExecStart=")


def cron_command() -> str:
    text = (SCHEDULE / "crontab").read_text("utf-8")
    [line] = [line for line in text.splitlines() if not line.startswith("#")]
    fields = line.split(maxsplit=5)
    assert fields[:5] == ["0", "3", "*", "*", "0"]
    return fields[5]


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who has installed depthmatte, given feedback and kept old data."""
    launcher = tmp_path / ".local" / "bin" / "depthmatte"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m depthmatte "$@"\n', "utf-8")
    launcher.chmod(0o755)
    monkeypatch.setenv("DEPTHMATTE_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(Path(depthmatte.__file__).parent.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{launcher.parent}:/usr/bin:/bin")
    write_pairs(tmp_path / "training", range(100, 105))
    fill_store(tmp_path / "data" / "feedback", range(2))
    return tmp_path


def shell(line: str, user: Path) -> subprocess.CompletedProcess[str]:
    small = "--steps 1 --batch 2 --preset 64x64 --rate 0 --workers 0 --threads 1"
    options = f"--data {user}/training {small}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=user,
        env=os.environ | {"FEEDBACK_OPTIONS": options},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_service_and_the_cron_line_run(user: Path) -> None:
    adopted_folder("matte").mkdir(parents=True)
    with folder_lock(adopted_folder("matte"), ".training"):
        busy = shell(exec_start(), user)
    assert busy.returncode == 1
    assert "another training on feedback is running; wait until it ends" in busy.stderr
    assert len(busy.stderr.splitlines()) == 1

    done = shell(exec_start(), user)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (adopted_folder("matte") / "001" / "report.json").is_file()

    # Nothing is new for cron, which would take many steps else.
    done = shell(cron_command(), user)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (adopted_folder("matte") / "002").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["depthmatte-feedback.service", "depthmatte-feedback.timer"])
def test_systemd_takes_the_units(name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", str(SCHEDULE / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
