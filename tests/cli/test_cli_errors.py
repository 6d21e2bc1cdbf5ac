"""Wrong orders, interrupts and half installations end in one line and the right status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cutting import SRC, files, run


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--save", "alpha,beta"], "--save beta: unknown; use any of alpha,mask"),
        (["--fusion", "mean"], "--fusion is 'mean'; give none"),
        (["--orient", "up"], "--orient is 'up'; give pad"),
        (["--format", "bmp"], "--format is 'bmp'; give png"),
        (["--effect", "glow"], "--effect glow: unknown; use one of cutout"),
        (["--effect", "blur:size=3"], "no option 'size'; use strength"),
        (["--effect", "blur:strength=9"], "strength is 9.0; give a number from 0 to 1"),
        (["--effect", "blur:strength=big"], "'big' is not a number"),
        (["--effect", "cutout:crop=maybe"], "'maybe' is neither true nor false"),
        (
            ["--effect", "blur", "--effect", "blur:strength=1"],
            "--effect blur: would write the file",
        ),
        (["--effect", "background", "--background", "red"], "--effect background: would write"),
        (["--background", "redd"], "background redd: neither a picture file nor a color"),
        (["--effect", "background:picture=gone.png"], "gone.png: there is no such file"),
        (["--matte-network", "mat"], "mat: unknown network; use matte, depth"),
        (["--matte-network", "gone.onnx"], "gone.onnx: no such network file"),
    ],
)
def test_wrong_orders_are_one_line(
    options: list[str], says: str, photos: Path, nets: list[str]
) -> None:
    done = run("cut", photos / "a.png", *nets, *options)
    file = any(word in says for word in ("gone", "redd"))
    assert done.exit_code == (1 if file else 2)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("arguments", [["cut"], ["cut", "x.png", "--threads", "0"], ["nonsense"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_ctrl_c_is_one_line(photos: Path, nets: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("depthmatte.batch.cutting.cut_photo.cut_photo", interrupt)
    done = run("cut", photos, *nets)
    assert done.exit_code == 130
    assert done.stderr == "depthmatte: stopped\n"


def test_from_a_real_shell(photos: Path, nets: list[str]) -> None:
    (photos / "bad.jpg").write_bytes(b"bad")
    done = subprocess.run(
        [sys.executable, "-m", "depthmatte", "cut", "photos", "--save", "alpha", "--json", *nets],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SRC)},
        check=False,
    )
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(row["status"] for row in rows) == ["error", "ok", "ok"]
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert files("out") == ["out/a.alpha.png", "out/sub/b.alpha.png"]


def test_an_opencv_that_is_half_there_is_one_line(photos: Path) -> None:
    half = Path("half", "cv2")
    half.mkdir(parents=True)
    (half / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "depthmatte", "cut", "photos/a.png"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(half.parent), str(SRC)])},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("depthmatte: OpenCV is only partly installed; run: ")
    assert len(done.stderr.splitlines()) == 1
    assert not Path("out").exists()
