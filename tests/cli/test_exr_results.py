"""`depthmatte cut` writes OpenEXR: colors in linear light, alpha and depth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import depthmatte as dm
import tinynets
from cutting import run

OpenEXR = pytest.importorskip("OpenEXR", reason="needs the extra exr")

HALF_STEP = 2.0**-11
"""Largest relative error of a half."""


def read_exr(path: Path) -> dict[str, np.ndarray]:
    """Channel -> its pixels."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: np.array(channel.pixels) for name, channel in file.channels().items()}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    paths = tinynets.save(tmp_path_factory.mktemp("nets"))
    return ["--matte-network", paths["matte"], "--depth-network", paths["depth"]]


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A yellow "person" on blue."""
    rgb = np.zeros((96, 72, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[20:80, 20:52] = 255, 255, 0
    monkeypatch.chdir(tmp_path)
    return dm.write(rgb, tmp_path / "photo.png")


def cut(photo: Path, *words: Any) -> Any:
    done = run("cut", photo, *words)
    assert done.exit_code == 0, done.output
    return done


def test_the_command_line_writes_colors_alpha_and_depth(photo: Path, networks: list[str]) -> None:
    cut(photo, "-o", "one.exr", *networks)
    found = read_exr(Path("one.exr"))
    assert set(found) == {*"RGBA", "depth"}
    assert found["A"].shape == (96, 72)
    assert found["A"][50, 36] == 1
    assert found["R"][50, 36] == pytest.approx(1, rel=HALF_STEP)
    assert found["B"][5, 5] == found["A"][5, 5] == 0

    cut(photo, "--format", "exr", "--bits", "32", "--effect", "cutout:premultiplied=true",
        "--effect", "blur", "--save", "alpha", "--crop", "subject", *networks)  # fmt: skip
    assert sorted(path.name for path in Path("out").glob("photo.*")) == [
        "photo.alpha.png", "photo.blur.exr", "photo.cutout.exr",
    ]  # fmt: skip
    again = read_exr(Path("out/photo.cutout.exr"))
    assert again["A"].dtype == np.float32
    assert again["depth"].shape == again["A"].shape < (96, 72)
    blurred = read_exr(Path("out/photo.blur.exr"))
    assert set(blurred) == {*"RGB", "depth"}


def test_depth_in_meters_is_the_channel_z(photo: Path, networks: list[str]) -> None:
    np.save("depth.npy", np.full((96, 72), 1.25, np.float32))
    cut(photo, "--depth", "depth.npy", "-o", "z.exr", *networks)
    assert np.allclose(read_exr(Path("z.exr"))["Z"], 1.25)
    cut(photo, "--depth-source", "none", "-o", "plain.exr", *networks)
    assert set(read_exr(Path("plain.exr"))) == set("RGBA")


def test_what_exr_cannot_hold_is_one_line(photo: Path, networks: list[str]) -> None:
    done = run("cut", photo, "--bits", "32", *networks)
    assert done.exit_code == 2
    assert "--format exr" in done.stderr
    done = run("cut", photo, "--save", "alpha", "-o", "a.exr", *networks)
    assert done.exit_code == 1
    assert "EXR" in done.stderr
    assert not Path("a.exr").exists()


def test_without_the_package_the_first_line_names_the_extra(photo: Path) -> None:
    code = (
        "import sys; sys.modules['OpenEXR'] = None\n"
        "from depthmatte.cli.app import main; sys.argv[0] = 'depthmatte'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "cut", str(photo), "-o", "x.exr"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "pip install 'depthmatte[exr]'" in line
    assert not Path("x.exr").exists()
