"""What an iPhone writes beside a photo: disparity or depth, a portrait effects matte, a camera.

JPEG and HEIC carry the same properties as XMP of the auxiliary picture. `Accuracy` is
"relative" in most files: two lenses that move while focusing tell nearer from farther
better than they tell metres.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...camera import Camera
from ...evidence import RawDepth
from ...types import Float
from .corrupt import CorruptFileError
from .depth_encoding import disparity_to_depth, distance_to_depth, relative_levels_to_depth
from .xmp import Xmp

_NS_PIXEL_DATA = "http://ns.apple.com/pixeldatainfo/1.0/"
_NS_DEPTH_DATA = "http://ns.apple.com/depthData/1.0/"
APPLE_MATTE_URN = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"

_AuxiliaryKind = Literal["disparity", "depth", "matte", "other"]


def classify_apple_image(about: Xmp) -> _AuxiliaryKind:
    """What an auxiliary picture is. A matte calls itself depth and says more in its sub-type."""
    first = about.text(_NS_PIXEL_DATA, "AuxiliaryImageType") or ""
    second = about.text(_NS_PIXEL_DATA, "AuxiliaryImageSubType") or ""
    names = {first.rpartition(":")[2].lower(), second.rpartition(":")[2].lower()} - {""}
    if "portraiteffectsmatte" in names:
        return "matte"
    if names == {"disparity"}:
        return "disparity"
    return "depth" if names == {"depth"} else "other"


def parse_apple_depth(what: Literal["disparity", "depth"], stored: Float, about: Xmp) -> RawDepth:
    """Levels (h, w) in [0, 1] -> metres by the range that the XMP states, else relative."""
    name = f"apple-{what}"
    low, high = (
        about.number(_NS_PIXEL_DATA, "FloatMinValue"),
        about.number(_NS_PIXEL_DATA, "FloatMaxValue"),
    )
    if low is None or high is None:
        return relative_levels_to_depth(name, stored, near_is_high=what == "disparity")
    return apple_levels_to_depth(what, _stretch_used_levels(stored, about), low, high)


def apple_levels_to_depth(
    what: Literal["disparity", "depth"], levels: Float, low: float, high: float
) -> RawDepth:
    """Levels in [0, 1] between `low` and `high`, in 1/m or metres -> RawDepth.

    Raises Damaged for limits that are none.
    """
    name = f"apple-{what}"
    if not (np.isfinite((low, high)).all() and high >= low):
        raise CorruptFileError(f"from {low} to {high}")
    values = np.asarray(low + levels * (high - low), np.float32)
    if what == "disparity":
        z, validity = disparity_to_depth(values)
        return RawDepth(z, validity, True, name, near=high, far=low, unit="1/m")
    z, validity = distance_to_depth(values)
    return RawDepth(z, validity, True, name, near=low, far=high, unit="m")


def _stretch_used_levels(stored: Float, about: Xmp) -> Float:
    """Levels over the part of the 8 bits that is used, mostly all of it."""
    low, high = (
        about.number(_NS_PIXEL_DATA, "IntMinValue"),
        about.number(_NS_PIXEL_DATA, "IntMaxValue"),
    )
    if low is None or high is None or not 0 <= low < high <= 255:
        return stored
    used: Float = np.clip((stored * 255 - low) / (high - low), 0, 1).astype(np.float32)
    return used


def find_apple_camera(about: Xmp) -> Camera | None:
    """The photo's camera at the size the matrix refers to; None where the file states none.

    Apple counts from the corner of the first pixel, we from its centre. Its distortion
    tables are of another model than ours and are small: they are left out.
    """
    matrix = about.numbers(_NS_DEPTH_DATA, "IntrinsicMatrix")
    width = about.number(_NS_DEPTH_DATA, "IntrinsicMatrixReferenceWidth")
    height = about.number(_NS_DEPTH_DATA, "IntrinsicMatrixReferenceHeight")
    if len(matrix) != 9 or not width or not height:
        return None
    fx, fy, cx, cy = matrix[0], matrix[4], matrix[6], matrix[7]  # column by column
    return Camera((round(height), round(width)), fx, fy, cx - 0.5, cy - 0.5)
