"""What an iPhone writes beside a photo: disparity or depth, a portrait effects matte, a camera.

JPEG and HEIC carry the same properties as XMP of the auxiliary picture. `Accuracy` is
"relative" in most files: two lenses that move while focusing tell nearer from farther
better than they tell metres.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..arrays import Float
from ..camera import Camera
from ..evidence import RawDepth
from .damaged import Damaged
from .ranges import from_disparity, from_distance, relative
from .xmp import Xmp

PIXELS = "http://ns.apple.com/pixeldatainfo/1.0/"
DEPTH = "http://ns.apple.com/depthData/1.0/"
MATTE = "urn:com:apple:photo:2018:aux:portraiteffectsmatte"

Kind = Literal["disparity", "depth", "matte", "other"]


def kind(about: Xmp) -> Kind:
    """What an auxiliary picture is. A matte calls itself depth and says more in its sub-type."""
    first = about.text(PIXELS, "AuxiliaryImageType") or ""
    second = about.text(PIXELS, "AuxiliaryImageSubType") or ""
    names = {first.rpartition(":")[2].lower(), second.rpartition(":")[2].lower()} - {""}
    if "portraiteffectsmatte" in names:
        return "matte"
    if names == {"disparity"}:
        return "disparity"
    return "depth" if names == {"depth"} else "other"


def depth(what: Literal["disparity", "depth"], stored: Float, about: Xmp) -> RawDepth:
    """Levels (h, w) in [0, 1] -> metres by the range that the XMP states, else relative."""
    name = f"apple-{what}"
    low, high = about.number(PIXELS, "FloatMinValue"), about.number(PIXELS, "FloatMaxValue")
    if low is None or high is None:
        return relative(name, stored, near_is_high=what == "disparity")
    return ranged(what, spread(stored, about), low, high)


def ranged(what: Literal["disparity", "depth"], levels: Float, low: float, high: float) -> RawDepth:
    """Levels in [0, 1] between `low` and `high`, in 1/m or metres -> RawDepth.

    Raises Damaged for limits that are none.
    """
    name = f"apple-{what}"
    if not (np.isfinite((low, high)).all() and high >= low):
        raise Damaged(f"from {low} to {high}")
    values = np.asarray(low + levels * (high - low), np.float32)
    if what == "disparity":
        z, validity = from_disparity(values)
        return RawDepth(z, validity, True, name, near=high, far=low, unit="1/m")
    z, validity = from_distance(values)
    return RawDepth(z, validity, True, name, near=low, far=high, unit="m")


def spread(stored: Float, about: Xmp) -> Float:
    """Levels over the part of the 8 bits that is used, mostly all of it."""
    low, high = about.number(PIXELS, "IntMinValue"), about.number(PIXELS, "IntMaxValue")
    if low is None or high is None or not 0 <= low < high <= 255:
        return stored
    used: Float = np.clip((stored * 255 - low) / (high - low), 0, 1).astype(np.float32)
    return used


def camera(about: Xmp) -> Camera | None:
    """The photo's camera at the size the matrix refers to; None where the file states none.

    Apple counts from the corner of the first pixel, we from its centre. Its distortion
    tables are of another model than ours and are small: they are left out.
    """
    matrix = about.numbers(DEPTH, "IntrinsicMatrix")
    width = about.number(DEPTH, "IntrinsicMatrixReferenceWidth")
    height = about.number(DEPTH, "IntrinsicMatrixReferenceHeight")
    if len(matrix) != 9 or not width or not height:
        return None
    fx, fy, cx, cy = matrix[0], matrix[4], matrix[6], matrix[7]  # column by column
    return Camera((round(height), round(width)), fx, fy, cx - 0.5, cy - 0.5)
