"""Standard streams that are closed or full: one line, whatever was asked; never a traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import depthmatte
import tinynets
from cutting import run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes the streams")

SRC = Path(depthmatte.__file__).parents[1]
FULL = "/dev/full"
NETWORKS = "--matte-network tiny-matte.onnx --depth-network tiny-depth.onnx"


def shell(line: str, place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A line of shell in which D is the command."""
    return subprocess.run(
        ["sh", "-c", line.replace("D ", f"{sys.executable} -m depthmatte ", 1)],
        capture_output=True,
        text=True,
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(SRC)} | variables,
        check=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    Image.fromarray(np.full((40, 30, 3), 90, np.uint8)).save(tmp_path / "a.png")
    tinynets.save(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("D cut - -o out <&-", "stdin: is closed; send a photo through it"),
        ("D info - <&-", "stdin: is closed; send a photo through it"),
        ("D cut a.png NETS -o - >&-", "stdout: is closed; open it, or name a file with -o"),
        (f"D --help >{FULL}", "no space left on device; check path"),
        (f"D --version >{FULL}", "no space left on device; check path"),
        (f"D effects >{FULL}", "no space left on device; check path"),
        (f"D cut --help >{FULL}", "no space left on device; check path"),
    ],
)
def test_a_stream_that_cannot_be_used_is_one_line(line: str, says: str, place: Path) -> None:
    if FULL in line and not os.path.exists(FULL):
        pytest.skip("this system has no full device")
    done = shell(line.replace("NETS", NETWORKS), place)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 1


@pytest.mark.parametrize("name", ["me.bmp", "me.HEIC", "me.gif", "me.psd"])
def test_a_file_that_cannot_be_written_is_no_folder(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-o` with the suffix of a picture names a file, also where we cannot write such files."""
    monkeypatch.chdir(place)
    done = run("cut", "a.png", *NETWORKS.split(), "-o", name)
    assert done.exit_code == 1
    assert f"{name}: suffix {name[2:]} cannot be written" in done.stderr
    assert not (place / name).exists()


@pytest.mark.parametrize(
    "options",
    [
        "--name x",
        "--name '{nix}'",
        "--name '../{stem}.{kind}'",
        "--name '{stem'",
        "--name ''",
        "--effect blur@x --effect blur@x",
        "--effect blur:strength=2",
        "--save nix",
        "--nix",
    ],
)
def test_what_is_not_understood_ends_with_2(
    options: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    done = run("cut", "a.png", *shlex.split(options))
    assert done.exit_code == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
    assert not (place / "out").exists()


def test_an_unknown_side_ends_with_2(place: Path) -> None:
    done = shell("D stereo a.png a.png -o d.pfm --view up", place)
    assert (done.returncode, done.stderr) == (
        2,
        "depthmatte: --view up: unknown; use one of left, right\n",
    )
