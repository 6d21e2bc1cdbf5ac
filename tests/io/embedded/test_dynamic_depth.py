"""Android's Dynamic Depth and DEPTH16."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import fixtures
import phone_files as phones
from depthmatte.errors import InputError
from depthmatte.evidence import DepthStatus
from depthmatte.io.embedded.depth16 import decode_depth16
from depthmatte.io.photo.photo_reader import read
from fixtures import encode
from phone_files import near_to, nothing, stored


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("by_uri", [True, False])
@pytest.mark.parametrize(("padding", "trailing"), [(0, b""), (3, b""), (0, b"a video behind")])
def test_dynamic_depth(orientation: int, by_uri: bool, padding: int, trailing: bytes) -> None:
    plane = np.ascontiguousarray(fixtures.stored(phones.slope(), orientation))
    sure = np.ascontiguousarray(fixtures.stored(phones.slope()[::-1], orientation))
    content = phones.dynamic(
        phones.jpeg(phones.photo(), orientation),
        encode(plane, "JPEG", quality=97),
        encode(sure, "PNG"),
        by_uri=by_uri,
        padding=padding,
        trailing=trailing,
    )
    depth = stored(read(content))
    assert (depth.kind, depth.near, depth.far, depth.unit) == ("dynamic-depth", 0.5, 4.5, "m")
    assert near_to(depth.z, 0.5 + phones.slope() / 255 * 4, 0.05)
    assert depth.confidence is not None
    assert near_to(depth.confidence, phones.slope()[::-1] / 255, 1e-6)


def test_dynamic_depth_brings_its_camera() -> None:
    model = (
        '<Camera:ImagingModel ImagingModel:FocalLengthX="200" ImagingModel:FocalLengthY="220" '
        'ImagingModel:PrincipalPointX="128.5" ImagingModel:PrincipalPointY="96.5" '
        'ImagingModel:ImageWidth="256" ImagingModel:ImageHeight="192"/>'
    )
    data = encode(phones.slope(), "JPEG")
    camera = read(phones.dynamic(phones.jpeg(phones.photo(), 1, 30), data, model=model)).camera
    assert camera is not None
    assert (camera.fx, camera.fy) == (100, 110)
    assert (camera.cx, camera.cy) == pytest.approx((63.75, 47.75))


@pytest.mark.parametrize(
    "damage",
    [
        {"length": 10**9},
        {"length": 12},
        {"length": 0},
        {"depth": b"\xff\xd8\xff no picture"},
        {"about": 'DepthMap:Near="1" DepthMap:Far="2"'},
        {"about": 'DepthMap:Format="RangeLinear" DepthMap:ItemSemantic="Segmentation"'},
    ],
)
def test_damaged_dynamic_depth_counts_as_absent(damage: dict[str, Any]) -> None:
    about = {"depth": encode(phones.slope(), "JPEG")} | damage
    assert nothing(phones.dynamic(phones.jpeg(phones.photo()), **about))


@given(st.integers(0, 8191), st.integers(0, 7))
def test_depth16(millimeters: int, code: int) -> None:
    """Thirteen bits of millimeters, three of confidence, of which 0 means certain."""
    depth = decode_depth16(np.uint16([[code << 13 | millimeters]]))
    assert depth.z[0, 0] == pytest.approx(millimeters / 1000, abs=1e-6)
    assert depth.confidence is not None
    assert depth.confidence[0, 0] == pytest.approx(1 if code == 0 else (code - 1) / 7)
    assert depth.validity[0, 0] == (DepthStatus.VALID if millimeters else DepthStatus.MISSING)


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 2), np.int32), np.zeros(4, np.uint16), np.zeros((0, 4), np.uint16)]
)
def test_depth16_refuses_other_arrays(samples: NDArray[Any]) -> None:
    with pytest.raises(InputError):
        decode_depth16(samples)
