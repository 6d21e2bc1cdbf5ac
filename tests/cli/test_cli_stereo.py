"""`depthmatte stereo`: two views in, disparity out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from depthmatte.camera import Camera, Rig
from depthmatte.cli.app import app
from depthmatte.io.calibration import calibration_reader
from depthmatte.io.depthmaps import pfm
from depthmatte.io.photo.photo_reader import read
from depthmatte.io.photo.photo_writer import write
from stereo_pairs import BASE, made
from stereoscenes import camera, view


def ask(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["stereo", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    left, right, _, _ = made()
    return write(left, tmp_path / "left.png"), write(right, tmp_path / "right.png")


def test_the_command_writes_pixels_of_the_left_view(files: tuple[Path, Path]) -> None:
    left, right = files
    out, picture = left.with_name("o.pfm"), left.with_name("o.png")
    code, told, problem = ask(
        left, right, "-o", out, "--method", "sgbm", "--preview", picture, "--json"
    )
    assert (code, problem) == (0, "")
    pixels = pfm.read_pfm(out)
    assert (np.abs(pixels - made()[2]) > 1).mean() < 0.08
    assert np.isfinite(pixels).all()
    assert read(picture).shape == pixels.shape
    about = json.loads(told)
    assert (about["width"], about["height"]) == (320, 240)
    assert about["rectified"] == "given"
    assert about["disparity_px"]["high"] == pytest.approx(300 * BASE / 1.6, abs=0.5)
    assert about["near_m"] is None


def test_the_command_marks_holes_and_measures_the_right_view(files: tuple[Path, Path]) -> None:
    left, right = files
    out = left.with_name("o.pfm")
    code, told, _ = ask(
        left, right, "-o", out, "--method", "sgbm", "--holes", "--view", "right",
        "--max-disparity", "40",
    )  # fmt: skip
    assert code == 0
    assert told.startswith(f"{left} -> {out}: disparity ")
    pixels = pfm.read_pfm(out)
    known = np.isfinite(pixels)
    assert 0.8 < known.mean() < 1
    assert (np.abs(pixels - made()[3])[known] > 1).mean() < 0.02


def test_the_command_takes_a_calibration(tmp_path: Path) -> None:
    cameras: tuple[Camera, Camera] = (
        camera(degrees=(0, 0, 2)),
        camera((BASE, 0, 0), (0, 1, 0)),
    )
    left, right = (
        write(view(seen)[0], tmp_path / name)
        for seen, name in zip(cameras, ("l.png", "r.png"), strict=True)
    )
    rig = tmp_path / "rig.json"
    rig.write_text(calibration_reader.encode_calibration(Rig(*cameras)), "utf-8")
    code, told, problem = ask(
        left, right, "-o", tmp_path / "o.pfm", "--method", "sgbm", "--calib", rig, "--json"
    )
    assert (code, problem) == (0, "")
    about = json.loads(told)
    assert about["rectified"] == "calibrated"
    assert about["near_m"] == pytest.approx(1.6, rel=0.03)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"right": "left.png"}, "left.png: nothing matches .*two views of one scene"),
        ({"left": "right.png", "right": "left.png"}, "right.png: stereo: .*exchange them"),
        ({"out": "o.png"}, "o.png: disparity is written as PFM"),
        ({"more": ("--view", "top")}, "--view top: unknown; use one of left, right"),
        ({"more": ("--method", "best")}, "best: unknown network"),
        ({"more": ("--preview", "o.jpg")}, "o.jpg: the preview is a PNG"),
        ({"right": "none.png"}, "none.png: there is no such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    problem: str,
) -> None:
    monkeypatch.chdir(files[0].parent)
    given = {"left": "left.png", "right": "right.png", "out": "o.pfm", "more": ()} | change
    more = ("--method", "sgbm", *given["more"])  # type: ignore[misc]
    code, told, said = ask(given["left"], given["right"], "-o", given["out"], *more)  # type: ignore[arg-type]
    assert (code, told) == (2 if change.keys() & {"out", "more"} else 1, "")
    assert said.count("\n") == 1
    assert not list(files[0].parent.glob("o.*"))
    assert re.search(problem, said)
