"""Apple's depth, disparity and mattes in JPEG and HEIC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import phone_files as phones
from depthmatte.evidence import DepthStatus
from depthmatte.io.embedded import depth_encoding, heif_boxes
from depthmatte.io.photo.photo_reader import read
from fixtures import encode
from phone_files import HIGH, LOW, meters, near_to, nothing, stored


def test_apple_depth_is_not_its_matte_nor_a_gain_map() -> None:
    plane, first = phones.slope(), phones.jpeg(phones.photo())
    matte = phones.apple_xmp("depth", None, None, subtype="portraiteffectsmatte")
    for about in (matte, phones.apple_xmp(phones.GAIN, 0, 1), phones.apple_xmp("skinmatte", 0, 1)):
        photo = read(phones.multi(first, [phones.auxiliary(plane, about)]))
        assert photo.evidence.embedded_depth is None
        assert photo.evidence.second_view is None
        assert (photo.evidence.matte is None) == (about is not matte)


def test_apple_depth_in_meters() -> None:
    about = phones.apple_xmp("depth", 0.4, 5.4)
    photo = read(
        phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)])
    )
    depth = stored(photo)
    assert (depth.kind, depth.near, depth.far, depth.unit) == ("apple-depth", 0.4, 5.4, "m")
    assert near_to(depth.z, 0.4 + phones.slope() / 255 * 5, 0.04)


def test_disparity_without_a_scale_is_relative() -> None:
    about = phones.apple_xmp(low=None, high=None)
    depth = stored(
        read(phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)]))
    )
    assert not depth.metric
    assert depth.unit is None
    assert near_to(depth.z, 1 - phones.slope() / 255, 0.01)


def test_disparity_that_says_nothing_is_too_far() -> None:
    """Negative disparity, zero, and what a centimeter between lenses cannot tell."""
    values = np.float32([[-0.3, 0, 0.019, 0.021, 2, np.nan]])
    z, validity = depth_encoding.disparity_to_depth(values)
    assert validity.tolist() == [
        [DepthStatus.TOO_FAR] * 3 + [DepthStatus.VALID] * 2 + [DepthStatus.MISSING]
    ]
    assert z[0, :3].tolist() == [depth_encoding._MAX_PHONE_METERS] * 3
    assert z[0, 3:].tolist() == pytest.approx([1 / 0.021, 0.5, 0])


def test_negative_limits_never_give_negative_depth() -> None:
    about = phones.apple_xmp(low=-0.5, high=1.0)
    depth = stored(
        read(phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)]))
    )
    far = depth.validity == DepthStatus.TOO_FAR
    assert 0.2 < far.mean() < 0.8
    assert depth.z[~far].min() > 0.9
    assert (depth.z[far] == depth_encoding._MAX_PHONE_METERS).all()


@pytest.mark.parametrize("limits", [("nan", 1), (0, "inf"), (2, 1), ("deep", "far")])
def test_apple_limits_that_are_none(limits: tuple[Any, Any]) -> None:
    about = phones.apple_xmp(low=limits[0], high=limits[1])
    photo = read(
        phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)])
    )
    depth = photo.evidence.embedded_depth
    assert depth is None or not depth.metric


def test_a_list_that_points_astray_still_finds_the_depth() -> None:
    """A program rewrote the first picture and moved everything behind it."""
    about = phones.apple_xmp(low=LOW, high=HIGH)
    content = phones.multi(
        phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)], astray=99
    )
    assert near_to(stored(read(content)).z, meters(phones.slope()), 0.04)


def test_depth_of_another_shape_lies_elsewhere() -> None:
    """A photo cropped afterwards: nobody knows where the depth belongs."""
    about = phones.apple_xmp()
    cropped = phones.jpeg(phones.photo(96, 96))
    photo = read(phones.multi(cropped, [phones.auxiliary(phones.slope(), about)]))
    assert photo.evidence.embedded_depth is None


def test_heic_depth_by_the_stream_alone() -> None:
    """Without XMP and without a range only the order is known."""
    content = phones.heic(phones.photo(128, 192), [(phones.slope(64, 96), phones.DEPTH, None)])
    depth = stored(read(content))
    assert (depth.kind, depth.metric) == ("heic-depth", False)
    assert near_to(depth.z, 1 - phones.slope(64, 96) / 255, 0.02)


def test_heic_without_evidence_and_broken_boxes() -> None:
    assert nothing(phones.heic(phones.photo(128, 192), []))
    assert nothing(encode(phones.photo(), "HEIF", quality=90))
    with pytest.raises(heif_boxes.CorruptFileError):
        heif_boxes.read_heif_boxes(b"\0\0\0\x18ftypheic" + bytes(12) + b"\0\0\0\x02meta")
