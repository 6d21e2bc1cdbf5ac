"""Read the data that an iPhone stores with a photo: disparity or depth, a matte, a camera.

JPEG and HEIC hold the same properties as XMP of the auxiliary picture. `Accuracy` is "relative"
in most files: lenses that move while focusing measure the order of distances better than meters.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...camera import Camera
from ...evidence import RawDepth
from ...types import Float
from ..damage import CorruptFileError
from .depth_encoding import disparity_to_depth, distance_to_depth, relative_levels_to_depth
from .xmp import Xmp

_NS_PIXEL_DATA = "http://ns.apple.com/pixeldatainfo/1.0/"
_NS_DEPTH_DATA = "http://ns.apple.com/depthData/1.0/"
APPLE_MATTE_URN = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"
"""Auxiliary type of a portrait effects matte in HEIC."""

_AuxiliaryKind = Literal["disparity", "depth", "matte", "other"]


def classify_apple_image(packets: Xmp) -> _AuxiliaryKind:
    """Return what an auxiliary picture shows.

    Parameters
    ----------
    packets : Xmp
        XMP of the picture. A matte has the type depth and a sub-type of its own.

    Returns
    -------
    {"disparity", "depth", "matte", "other"}
    """
    first = packets.text(_NS_PIXEL_DATA, "AuxiliaryImageType") or ""
    second = packets.text(_NS_PIXEL_DATA, "AuxiliaryImageSubType") or ""
    names = {first.rpartition(":")[2].lower(), second.rpartition(":")[2].lower()} - {""}
    if "portraiteffectsmatte" in names:
        return "matte"
    if names == {"disparity"}:
        return "disparity"
    return "depth" if names == {"depth"} else "other"


def parse_apple_depth(kind: Literal["disparity", "depth"], stored: Float, packets: Xmp) -> RawDepth:
    """Convert the levels of an auxiliary picture to depth.

    Parameters
    ----------
    kind : {"disparity", "depth"}
        What the picture shows.
    stored : ndarray
        float32 (h, w) in [0, 1].
    packets : Xmp
        XMP of the picture, with the range of its values.

    Returns
    -------
    RawDepth
        In meters, or relative where the XMP states no range.

    Raises
    ------
    CorruptFileError
        For an invalid range.
    """
    low = packets.number(_NS_PIXEL_DATA, "FloatMinValue")
    high = packets.number(_NS_PIXEL_DATA, "FloatMaxValue")
    if low is None or high is None:
        near_is_high = kind == "disparity"
        return relative_levels_to_depth(f"apple-{kind}", stored, near_is_high=near_is_high)
    return apple_levels_to_depth(kind, _stretch_used_levels(stored, packets), low, high)


def apple_levels_to_depth(
    kind: Literal["disparity", "depth"], levels: Float, low: float, high: float
) -> RawDepth:
    """Convert levels of a known range to metric depth.

    Parameters
    ----------
    kind : {"disparity", "depth"}
        Whether the range is in 1/m or in meters.
    levels : ndarray
        float32 (h, w) in [0, 1].
    low, high : float
        Values at level 0 and level 1.

    Returns
    -------
    RawDepth
        In meters.

    Raises
    ------
    CorruptFileError
        Where the range is not finite, or `high` is below `low`.
    """
    name = f"apple-{kind}"
    if not (np.isfinite((low, high)).all() and high >= low):
        raise CorruptFileError(f"range from {low} to {high}")
    values = np.asarray(low + levels * (high - low), np.float32)
    if kind == "disparity":
        z, validity = disparity_to_depth(values)
        return RawDepth(z, validity, True, name, near=high, far=low, unit="1/m")
    z, validity = distance_to_depth(values)
    return RawDepth(z, validity, True, name, near=low, far=high, unit="m")


def _stretch_used_levels(stored: Float, packets: Xmp) -> Float:
    """Stretch the used part of the 8 bits to [0, 1]."""
    low = packets.number(_NS_PIXEL_DATA, "IntMinValue")
    high = packets.number(_NS_PIXEL_DATA, "IntMaxValue")
    if low is None or high is None or not 0 <= low < high <= 255:
        return stored
    used: Float = np.clip((stored * 255 - low) / (high - low), 0, 1).astype(np.float32)
    return used


def find_apple_camera(packets: Xmp) -> Camera | None:
    """Find the photo's camera in the XMP of its depth.

    Apple's pixel coordinates start at the corner of the first pixel, those of Camera at its
    center. Apple's distortion tables are ignored: they use another lens model, and the
    distortion is small.

    Parameters
    ----------
    packets : Xmp
        XMP of the auxiliary picture.

    Returns
    -------
    Camera or None
        At the size that the matrix refers to; None where the XMP has none.
    """
    matrix = packets.numbers(_NS_DEPTH_DATA, "IntrinsicMatrix")
    width = packets.number(_NS_DEPTH_DATA, "IntrinsicMatrixReferenceWidth")
    height = packets.number(_NS_DEPTH_DATA, "IntrinsicMatrixReferenceHeight")
    if len(matrix) != 9 or not width or not height:
        return None
    fx, fy, cx, cy = matrix[0], matrix[4], matrix[6], matrix[7]  # column by column
    return Camera((round(height), round(width)), fx, fy, cx - 0.5, cy - 0.5)
