"""OpenEXR files hold linear light, alpha and depth: read back, they are what was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import depthmatte as dm
from depthmatte.color.linear_light import to_linear
from depthmatte.io.depthmaps.depth_reader import read_depth_file
from depthmatte.io.files.exr_file import encode_exr
from profiles import profile

OpenEXR = pytest.importorskip("OpenEXR", reason="needs the extra exr")

HALF_STEP = 2.0**-11
"""Largest relative error of a half."""


def read_exr(path: Path) -> dict[str, np.ndarray]:
    """Channel -> its pixels."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: np.array(channel.pixels) for name, channel in file.channels().items()}


def decode(content: bytes, folder: Path) -> dict[str, np.ndarray]:
    path = folder / "x.exr"
    path.write_bytes(content)
    return read_exr(path)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 99),
    has_alpha=st.booleans(),
    half=st.booleans(),
)
def test_colors_are_premultiplied_linear_light(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, int],
    seed: int,
    has_alpha: bool,
    half: bool,
) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (*shape, 4 if has_alpha else 3), np.uint8)
    found = decode(encode_exr(picture, half=half), tmp_path_factory.mktemp("exr"))
    assert set(found) == set("RGBA" if has_alpha else "RGB")
    assert {plane.dtype for plane in found.values()} == {np.dtype("f2" if half else "f4")}
    alpha = picture[..., 3] / np.float32(255) if has_alpha else np.ones(shape, np.float32)
    light = to_linear(picture[..., :3])
    step = HALF_STEP if half else 1e-6
    for index, name in enumerate("RGB"):
        assert np.allclose(found[name], light[..., index] * alpha, rtol=step, atol=1e-7)
    if has_alpha:
        assert np.allclose(found["A"], alpha, rtol=step, atol=1e-7)


@pytest.mark.parametrize("metric", [True, False])
def test_depth_is_a_channel_with_all_its_bits(tmp_path: Path, metric: bool) -> None:
    depth = np.random.default_rng(1).random((9, 7), np.float32) * 3
    picture = np.zeros((9, 7, 3), np.uint8)
    (tmp_path / "x.exr").write_bytes(encode_exr(picture, None, depth, metric))
    found = read_exr(tmp_path / "x.exr")
    name = "Z" if metric else "depth"
    assert set(found) == {*"RGB", name}
    assert np.array_equal(found[name], depth)
    assert np.allclose(read_depth_file(tmp_path / "x.exr").z, depth)


def test_a_wide_profile_is_converted_to_the_primaries_of_the_format(tmp_path: Path) -> None:
    picture = np.full((2, 2, 3), (250, 60, 30), np.uint8)
    plain = decode(encode_exr(picture), tmp_path)
    wide = decode(encode_exr(picture, profile("display-p3")), tmp_path)
    assert wide["R"][0, 0] >= plain["R"][0, 0]
    assert wide["G"][0, 0] < plain["G"][0, 0]


def test_python_writes_a_picture_by_its_suffix(tmp_path: Path) -> None:
    rgba = np.full((3, 5, 4), 128, np.uint8)
    dm.write(rgba, tmp_path / "a" / "x.exr")
    assert read_exr(tmp_path / "a" / "x.exr")["A"][0, 0] == pytest.approx(128 / 255, rel=HALF_STEP)
    with pytest.raises(dm.InputError, match=r"y\.exr: EXR holds colors here"):
        dm.write(rgba[..., 0], tmp_path / "y.exr")
    assert not (tmp_path / "y.exr").exists()
