"""Phone photos of a drawn scene, made by code: a person before a wall, with exact depth.

They stand for the real phone files that only some machines have: the same containers, turns
and auxiliary pictures, in which every value is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import phone_files as phones
from depthmatte.camera import Camera
from fixtures import encode, stored
from stereoscenes import Plane, camera, view

SHAPE = (640, 480)
PLANE = (192, 144)
"""Size (h, w) of the depth that goes with the photo."""

MATTE = (320, 240)
WALL, PERSON = 4.0, 1.5
"""Meters."""

FOCAL = 520.0
"""Pixels of the photo."""

BASELINE = 0.064


def person(shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    """Head and shoulders, left of the middle, cut off by the lower edge."""
    height, width = shape
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width]).reshape(2, 1, 1)
    head = np.hypot((x - 0.42) / 0.13, (y - 0.36) / 0.13) < 1
    body = np.hypot((x - 0.42) / 0.30, (y - 1.0) / 0.52) < 1
    return np.asarray(head | body)


def depth(shape: tuple[int, int] = SHAPE) -> NDArray[np.float64]:
    """Meters (h, w): a person, a box on the right, and a wall that is farther on the left."""
    height, width = shape
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width]).reshape(2, 1, 1)
    z = WALL - 0.8 * x
    z = np.where((x > 0.8) & (y > 0.6), 2.4, z)
    return np.where(person(shape), PERSON, z)


@cache
def rgb() -> NDArray[np.uint8]:
    """uint8 (640, 480, 3): each thing of the scene in its own color, softly shaded."""
    z = depth()
    noise = np.random.default_rng(3).random((20, 15, 3), np.float32)
    shade = cv2.resize(noise, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)[..., :1] * 24
    colors = np.where(
        person()[..., None],
        (196, 120, 96),
        np.where((np.abs(z - 2.4) < 1e-9)[..., None], (60, 90, 160), (150, 170, 160)),
    )
    return np.clip(colors + shade, 0, 255).astype(np.uint8)


def levels(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Values as the levels of an 8-bit picture in which 0 means `low` and 255 `high`."""
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)


LOW, HIGH = 0.2, 0.8
"""Limits of Apple's disparity, 1 / m."""


def _disparity() -> NDArray[np.uint8]:
    return levels(1 / depth(PLANE), LOW, HIGH)


def _about(orientation: int) -> dict[str, Any]:
    """What Apple's XMP says of the camera, whose pixels lie as the sensor saw them."""
    height, width = SHAPE if orientation < 5 else SHAPE[::-1]
    middle = (width / 2, height / 2)
    return {"intrinsics": (FOCAL, FOCAL, *middle), "reference": (height, width)}


def _matte() -> NDArray[np.uint8]:
    return person(MATTE).astype(np.uint8) * np.uint8(255)


def apple_jpeg(orientation: int, matte: bool) -> bytes:
    about = phones.apple_xmp(low=LOW, high=HIGH, **_about(orientation))
    others = [
        phones.auxiliary(stored(_disparity(), orientation), phones.apple_xmp(phones.GAIN, None)),
        phones.auxiliary(stored(_disparity(), orientation), about),
    ]
    if matte:
        said = phones.apple_xmp("depth", None, None, subtype="portraiteffectsmatte")
        others.append(phones.auxiliary(stored(_matte(), orientation), said))
    return phones.multi(phones.jpeg(rgb(), orientation), others)


def apple_heic(orientation: int, turns: bytes, matte: bool) -> bytes:
    about = phones.apple_xmp(low=LOW, high=HIGH, **_about(orientation))
    others = [(stored(_disparity(), orientation), phones.DEPTH, about)]
    if matte:
        said = phones.apple_xmp("depth", None, None, subtype="portraiteffectsmatte")
        others.append((stored(_matte(), orientation), phones.MATTE, said))
    return phones.heic(stored(rgb(), orientation), others, turns)


def gdepth(form: str, near: float, far: float, unit: str | None) -> bytes:
    z = depth(PLANE)
    share = (
        (z - near) / (far - near) if form == "RangeLinear" else (1 - near / z) / (1 - near / far)
    )
    data = encode(levels(share, 0, 1), "PNG")
    about = f'GDepth:Format="{form}" GDepth:Near="{near}" GDepth:Far="{far}"'
    if unit:
        about += f' GDepth:Units="{unit}"'
    return phones.gdepth(phones.jpeg(rgb()), data, about)


def dynamic(segmentation: bool = False) -> bytes:
    """Dynamic Depth from 1 to 5 meters; with `segmentation` its picture is none of depth."""
    data = encode(levels(depth(PLANE), 1, 5), "JPEG", quality=97)
    about = 'DepthMap:Format="RangeLinear" DepthMap:Near="1" DepthMap:Far="5" '
    about += (
        'DepthMap:Units="None" DepthMap:ItemSemantic="Segmentation"'
        if segmentation
        else 'DepthMap:Units="Meters"'
    )
    height, width = SHAPE
    model = (
        f'<Camera:ImagingModel ImagingModel:FocalLengthX="{FOCAL}" '
        f'ImagingModel:FocalLengthY="{FOCAL}" ImagingModel:ImageWidth="{width}" '
        f'ImagingModel:ImageHeight="{height}" ImagingModel:PrincipalPointX="{width / 2}" '
        f'ImagingModel:PrincipalPointY="{height / 2}"/>'
    )
    sure = encode(np.full(PLANE, 255, np.uint8), "JPEG")
    return phones.dynamic(phones.jpeg(rgb()), data, sure, about, model=model)


@dataclass(frozen=True)
class Holds:
    """What a photo with depth holds: `near` and `far` as the file states them."""

    make: Callable[[], bytes]
    kind: str
    near: float
    far: float
    unit: str | None
    matte: bool = False
    focal: float | None = FOCAL


WITH_DEPTH = {
    "apple_portrait.jpg": Holds(
        lambda: apple_jpeg(6, True), "apple-disparity", HIGH, LOW, "1/m", True
    ),
    "apple_upside_down.jpg": Holds(
        lambda: apple_jpeg(3, False), "apple-disparity", HIGH, LOW, "1/m"
    ),
    "apple_portrait.heic": Holds(
        lambda: apple_heic(6, phones.irot(3), True), "apple-disparity", HIGH, LOW, "1/m", True
    ),
    "apple_level.heic": Holds(
        lambda: apple_heic(1, b"", False), "apple-disparity", HIGH, LOW, "1/m"
    ),
    "gdepth_inverse.jpg": Holds(
        lambda: gdepth("RangeInverse", 1.2, 6, None), "gdepth", 1.2, 6, None, focal=None
    ),
    "gdepth_linear_meters.jpg": Holds(
        lambda: gdepth("RangeLinear", 1, 5, "m"), "gdepth", 1, 5, "m", focal=None
    ),
    "dynamic_depth.jpg": Holds(dynamic, "dynamic-depth", 1, 5, "m"),
}
"""Every kind of file with depth, by name."""


# --- pairs -------------------------------------------------------------------------------------

_PAIR = (Plane(4.0, seed=1), Plane(1.6, 1.2, (0.0, 1.55), seed=2))
"""A wall, and nearer ground in the lower part."""


def _view(across: float) -> tuple[Camera, NDArray[np.uint8]]:
    seen = camera((across, 0, 0), shape=(384, 384), focal=360)
    return seen, cv2.GaussianBlur(view(seen, _PAIR)[0], (0, 0), 1.5)


@cache
def views() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The left and the right view, (384, 384, 3)."""
    return _view(0.0)[1], _view(BASELINE)[1]


def _mpo() -> bytes:
    from depthmatte.io.embedded import jpeg_segments

    left, right = views()
    second = encode(right, "JPEG", quality=95)
    return phones.multi(phones.jpeg(left), [second], kind=jpeg_segments.MPO_DISPARITY_VIEW)


def _spatial() -> bytes:
    from heic_files import spatial_heic

    return spatial_heic(*views(), 360.0, BASELINE)


def _vr180() -> bytes:
    left, right = views()
    eye = phones.text(encode(right, "JPEG", quality=95))
    about = 'GPano:CroppedAreaLeftPixels="754"'
    return phones.with_extension(phones.jpeg(left), f'GImage:Data="{eye}"', about)


def _side_by_side() -> bytes:
    return encode(np.hstack(views()), "JPEG", quality=95)


PAIRS: dict[str, tuple[Callable[[], bytes], str, float | None]] = {
    "two_lenses.mpo": (_mpo, "mpo", None),
    "spatial.HEIC": (_spatial, "spatial-heic", BASELINE),
    "panorama_vr180.jpg": (_vr180, "vr180", None),
    "garden.left-right.jpg": (_side_by_side, "side-by-side", None),
}
"""Every kind of file with two views: how to make it, its kind, its baseline in meters."""


@cache
def file_bytes(name: str) -> bytes:
    """The bytes of one of these files, made once."""
    return PAIRS[name][0]() if name in PAIRS else WITH_DEPTH[name].make()


def without_evidence() -> bytes:
    """A photo of a 27 mm lens, and nothing beside it."""
    return phones.jpeg(rgb(), 1, 27)
