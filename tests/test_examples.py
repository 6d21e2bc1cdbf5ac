"""Every example runs as its first line says, and writes what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import depthmatte as dm
from depthmatte.photo import Photo

pytest.importorskip("skimage", reason="the examples use its sample photo")

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(name: str, folder: Path, *given: str) -> str:
    """What an example prints, run in a folder of its own."""
    (script,) = (path for path in EXAMPLES if path.name.startswith(name))
    done = subprocess.run(
        [sys.executable, str(script), *given],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def opacity(path: Path) -> np.ndarray:
    """The alpha of a written cut-out, uint8 (H, W)."""
    from PIL import Image

    with Image.open(path) as picture:
        assert picture.mode == "RGBA"
        return np.asarray(picture)[..., 3]


@pytest.fixture
def photo(tmp_path: Path) -> str:
    """A small photo of a person in a folder of its own."""
    from skimage.data import astronaut

    path = tmp_path / "given" / "me.jpg"
    dm.write(np.ascontiguousarray(astronaut()[::2, ::2]), path)
    return str(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 40


def test_there_are_five() -> None:
    assert [path.name[:3] for path in EXAMPLES] == ["01_", "02_", "03_", "04_", "05_"]


def test_cutout(tmp_path: Path) -> None:
    assert "person found: True" in run("01", tmp_path)
    assert 0.3 < (opacity(tmp_path / "cutout.png") > 127).mean() < 0.7


def test_cutout_of_a_given_photo(tmp_path: Path, photo: str) -> None:
    run("01", tmp_path, photo)
    assert opacity(tmp_path / "cutout.png").shape == (256, 256)


def test_phone_blur_uses_the_stored_depth(tmp_path: Path, photo: str) -> None:
    from typer.testing import CliRunner

    from depthmatte.cli.app import app

    out = tmp_path / "phone"
    given = ["cut", photo, "--depth-source", "mono", "--write-depth", "gdepth", "-o", str(out)]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert "depth comes from: stored" in run("02", tmp_path, str(out / "me.gdepth.jpg"))
    plain, soft, strong = (
        detail(dm.read(path))
        for path in (photo, tmp_path / "blur-soft.jpg", tmp_path / "blur-strong.jpg")
    )
    assert plain > soft > strong


def detail(photo: Photo) -> float:
    """How much neighboring pixels differ in the upper corners, where nobody is."""
    rgb = photo.rgb.astype(float)
    corners = np.stack([rgb[:60, :60], rgb[:60, -60:]])
    return float(np.abs(np.diff(corners, axis=2)).mean())


def test_phone_blur_estimates_without_stored_depth(tmp_path: Path) -> None:
    assert "depth comes from: mono" in run("02", tmp_path)


def test_own_depth(tmp_path: Path) -> None:
    import cv2

    told = run("03", tmp_path)
    assert "depth from: sensor" in told
    assert 0.8 < float(told.split("person at ")[1].split()[0]) < 1.6
    millimeters = cv2.imread(str(tmp_path / "depth_mm.png"), cv2.IMREAD_UNCHANGED)
    assert millimeters.dtype == np.uint16
    assert millimeters.shape == (512, 512)
    assert 800 <= np.median(millimeters[millimeters > 0]) <= 4000
    assert opacity(tmp_path / "cutout.png").any()


def test_folder(tmp_path: Path) -> None:
    told = run("04", tmp_path).splitlines()
    assert len(told) == 3
    made = {path.stem: opacity(path) for path in (tmp_path / "cutouts").iterdir()}
    assert set(made) == {"plain", "mirrored", "small"}
    assert made["plain"].shape == (512, 512)
    assert made["small"].shape == (256, 256)
    unlike = (made["plain"] > 127) != (made["mirrored"][:, ::-1] > 127)
    assert unlike.mean() < 0.15  # the helmet is not always whole


def test_folder_says_nobody(tmp_path: Path) -> None:
    dm.write(np.full((120, 160, 3), 90, np.uint8), tmp_path / "given" / "wall.jpg")
    assert run("04", tmp_path, "given").strip().endswith("-> nobody found")
    assert not any((tmp_path / "cutouts").iterdir())


def test_own_step(tmp_path: Path) -> None:
    run("05", tmp_path)
    keyed = opacity(tmp_path / "keyed.png") > 127
    run("01", tmp_path)
    person = opacity(tmp_path / "cutout.png") > 127
    assert (keyed & person).sum() / (keyed | person).sum() > 0.97
