"""sRGB and linear light: the standard's own values, exact inverses, tables that agree."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.color.linear_light import linear_to_bytes, linear_to_srgb, rgb_to_luma, to_linear


def test_known_values() -> None:
    # Worked out from IEC 61966-2-1 by hand: the joint, mid-gray, the ends.
    srgb = np.array([0, 0.04045, 0.5, 1], np.float32)
    assert np.allclose(to_linear(srgb), [0, 0.0031308, 0.2140411, 1], atol=1e-6)


def test_the_curve_has_no_step_at_its_joint() -> None:
    around = np.array([0.04044, 0.04046], np.float32)
    assert np.diff(to_linear(around))[0] < 4e-6
    around = np.array([0.0031307, 0.0031309], np.float32)
    assert np.diff(linear_to_srgb(around))[0] < 1e-5


@given(st.floats(0, 1, width=32))
def test_there_and_back(value: float) -> None:
    assert abs(float(linear_to_srgb(to_linear(np.float32(value)))) - value) < 1e-5


def test_every_byte_comes_back() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert (linear_to_bytes(to_linear(every)) == every).all()


def test_bytes_and_floats_agree() -> None:
    every = np.arange(256, dtype=np.uint8)
    linear = to_linear(every)
    assert linear.dtype == np.float32
    assert np.allclose(linear, to_linear(every / 255), atol=1e-7)


@given(st.floats(-1, 2, width=32))
def test_bytes_are_the_nearest(value: float) -> None:
    exact = float(linear_to_srgb(np.clip(np.float32(value), 0, 1))) * 255
    assert (
        abs(int(linear_to_bytes(np.array(value))) - exact) <= 0.56
    )  # half a step and the table's own


def test_shapes_stay() -> None:
    picture = np.zeros((3, 5, 3), np.uint8)
    assert to_linear(picture).shape == linear_to_bytes(to_linear(picture)).shape == picture.shape


def test_luma() -> None:
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert np.allclose(rgb_to_luma(primaries), [[0.2126, 0.7152, 0.0722, 1]], atol=1e-6)
    assert np.allclose(rgb_to_luma(primaries / 255), rgb_to_luma(primaries), atol=1e-6)
    assert rgb_to_luma(primaries).dtype == np.float32
