"""PFM files: what is written is read, and other programs' byte orders are understood."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from depthmatte.errors import InputError
from depthmatte.io.depthmaps import pfm


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_what_is_encoded_is_decoded(values: np.ndarray) -> None:
    assert np.array_equal(pfm.decode_pfm(pfm.encode_pfm(values)), values, equal_nan=True)


def test_color_and_infinity_survive(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    values[0, 0] = np.inf
    assert np.array_equal(pfm.read_pfm(pfm.write_pfm(values, tmp_path / "a.pfm")), values)


def test_opencv_reads_the_same(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((5, 7), np.float32)
    read = cv2.imread(str(pfm.write_pfm(values, tmp_path / "a.pfm")), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read, values)


def test_big_endian_and_bottom_up() -> None:
    stored = np.array([[3, 4], [1, 2]], ">f4").tobytes()
    assert pfm.decode_pfm(b"Pf 2 2\n2.5\n" + stored).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a PFM"),
        (b"P6\n2 2\n255\n", "not a PFM"),
        (b"Pf\n2 2\n-1\n" + bytes(15), "cut short"),
        (b"Pf\n0 2\n-1\n", "0 x 2"),
        (b"Pf\n2 2\n0\n" + bytes(16), "scale 0"),
        (b"Pf\n2 2\n1e999\n" + bytes(16), "scale 0"),
        (b"Pf\n2 2\n+-e\n" + bytes(16), "scale 0"),
        (b"PF\n999999999 999999999\n-1\n", "too many"),
    ],
)
def test_damage_is_one_line(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=f"^a.pfm: .*{problem}") as caught:
        pfm.decode_pfm(content, "a.pfm")
    assert "\n" not in str(caught.value)


@given(st.integers(1, 4), st.integers(1, 4), st.binary(max_size=64))
def test_any_pixels_are_an_array_or_too_few(width: int, height: int, content: bytes) -> None:
    whole = f"Pf\n{width} {height}\n-1\n".encode() + content
    if len(content) < 4 * width * height:
        with pytest.raises(InputError):
            pfm.decode_pfm(whole)
    else:
        values = pfm.decode_pfm(whole)
        assert values.dtype == np.float32
        assert values.shape == (height, width)


@given(st.binary(max_size=64))
def test_any_bytes_end_in_an_array_or_one_line(content: bytes) -> None:
    try:
        values = pfm.decode_pfm(b"Pf\n" + content)
    except InputError as error:
        values, said = None, str(error)
    else:
        said = ""
    assert said.isprintable()
    assert (values is None) == bool(said)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="holds"):
        pfm.encode_pfm(np.zeros(shape, np.float32))


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    photo = tmp_path / "photo.pfm"
    photo.write_bytes(b"photo")
    with pytest.raises(InputError, match="is an input"):
        pfm.write_pfm(np.zeros((2, 2), np.float32), photo, forbid=[photo])
    assert photo.read_bytes() == b"photo"


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(no such file"):
        pfm.read_pfm(tmp_path / "none.pfm")
