"""A cut stays on the machine: no socket opens, and no file appears but the results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import depthmatte

SOURCE = str(Path(depthmatte.__file__).parent.parent)
SYSTEM = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
"""What a process needs to start. Windows needs SYSTEMROOT."""

WATCHED = """
import sys

def watch(event, args):
    if event.startswith(("socket.", "http.", "urllib.", "ftplib.", "smtplib.")):
        print("WATCH", event, args, file=sys.stderr)

sys.addaudithook(watch)
sys.argv = ["depthmatte", *sys.argv[1:]]
from depthmatte.cli import main
main()
"""
"""The command line under an audit hook, which sees every door of Python's own."""


def photo(folder: Path) -> Path:
    file = folder / "photo.png"
    rgb = np.random.default_rng(5).integers(0, 256, (96, 64, 3))
    Image.fromarray(rgb.astype(np.uint8)).save(file)
    return file


def environment(home: Path | str, scratch: Path) -> dict[str, str]:
    """A stranger's: nothing set, least of all ONNX Runtime's own switch."""
    home, scratch = str(home), str(scratch)
    return SYSTEM | {
        "PYTHONPATH": SOURCE,
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("HOME", "USERPROFILE"), home),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch),
    }


def cut(
    tmp_path: Path, env: dict[str, str], *before: str, code: str = WATCHED
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "work").mkdir()
    wishes = ["--depth-source", "mono", "--effect", "blur", "--save", "alpha,sheet"]
    wishes += ["-o", str(tmp_path / "out")]
    return subprocess.run(
        [*before, sys.executable, "-c", code, "cut", str(photo(tmp_path)), *wishes],
        cwd=tmp_path / "work",
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_cut_opens_no_socket_and_leaves_no_foreign_file(tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    run = cut(tmp_path, environment(home, scratch))
    assert (run.returncode, run.stderr) == (0, "")
    assert list(home.rglob("*")) == []
    assert list(scratch.rglob("*")) == []
    assert list((tmp_path / "work").rglob("*")) == []
    assert {file.suffix for file in (tmp_path / "out").iterdir()} <= {".png"}


def test_the_kernel_sees_no_socket_either(tmp_path: Path) -> None:
    """ONNX Runtime's own doors are not Python's: an audit hook does not see them."""
    strace = shutil.which("strace")
    trial = [strace or "", "-f", "-o", os.devnull, sys.executable, "-c", ""]
    if strace is None or subprocess.run(trial, check=False, capture_output=True).returncode:
        pytest.skip("needs strace, and a machine that lets it trace")
    home, log = tmp_path / "home", tmp_path / "calls"
    home.mkdir()
    watched = ["-e", "trace=socket,connect,sendto,openat,creat,mkdir"]
    run = cut(tmp_path, environment(home, home), strace, "-f", *watched, "-o", str(log))
    assert run.returncode == 0, run.stderr
    calls = log.read_text(errors="replace").splitlines()
    assert [call for call in calls if re.search(r"\b(socket|connect|sendto)\(", call)] == []
    made = [call for call in calls if re.search(r"O_CREAT|\b(creat|mkdir)\(", call)]
    assert made
    assert [call for call in made if str(tmp_path / "out") not in call] == []


@pytest.mark.parametrize("home", ["/dev/null/nowhere", ""])
def test_a_home_that_cannot_be_written_is_no_news(tmp_path: Path, home: str) -> None:
    run = cut(tmp_path, environment(home, tmp_path))
    assert (run.returncode, run.stderr) == (0, "")


def test_who_wants_telemetry_may_have_it() -> None:
    """The variable is a default: what the user sets stands."""
    code = "import os, depthmatte.networks.network; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for given, wanted in (({}, "1"), ({"ORT_DISABLE_TELEMETRY": "yes"}, "yes")):
        env = SYSTEM | {"PYTHONPATH": SOURCE} | given
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == wanted
