"""What a JPEG holds beside its photo: Apple's pictures, GDepth, Dynamic Depth, a second view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..evidence import Evidence, RawDepth, StereoView
from . import apple, dynamic_depth, exif, gdepth, jpeg_segments, plane, stereo_file, xmp
from .findings import Findings, attempt, covering, covers
from .jpeg_segments import APP1, Picture
from .xmp import Xmp

if TYPE_CHECKING:
    from PIL.Image import Exif


def find(content: bytes, shape: tuple[int, int], tags: Exif) -> Findings:
    """Everything in the bytes of a JPEG of `shape` (h, w) pixels as stored."""
    about = _about(content)
    pictures = attempt(jpeg_segments.pictures, content) or []
    described = [(picture, _about(picture.content)) for picture in pictures]
    stored = (
        attempt(_apple_depth, described)
        or attempt(gdepth.depth, about)
        or attempt(dynamic_depth.depth, about, content)
    )
    camera = attempt(_camera, described, about, tags, shape)
    return Findings(
        Evidence(
            stored=covering(stored, shape),
            second=attempt(_second, content, about, pictures, shape),
            matte=attempt(_matte, described, shape),
        ),
        camera,
    )


def _about(content: bytes) -> Xmp:
    return xmp.of_jpeg(s.payload for s in jpeg_segments.segments(content) if s.marker == APP1)


def _apple_depth(described: list[tuple[Picture, Xmp]]) -> RawDepth | None:
    for picture, about in described:
        what = apple.kind(about)
        if what in ("disparity", "depth"):
            return apple.depth(what, plane.levels(picture.content), about)
    return None


def _matte(
    described: list[tuple[Picture, Xmp]], shape: tuple[int, int]
) -> NDArray[np.uint8] | None:
    for picture, about in described:
        if apple.kind(about) == "matte":
            matte = plane.matte(picture.content)
            return matte if covers(matte, shape) else None
    return None


def _second(
    content: bytes, about: Xmp, pictures: list[Picture], shape: tuple[int, int]
) -> StereoView | None:
    """Without a camera: MPO states how far its lenses are apart, not how much they squint."""
    eye = stereo_file.vr180(about, shape)
    return eye or stereo_file.mpo(content, pictures, shape)


def _camera(
    described: list[tuple[Picture, Xmp]], about: Xmp, tags: Exif, shape: tuple[int, int]
) -> Camera | None:
    """By what the depth's own description says, else by the lens; a panorama has no pinhole."""
    if about.mentions(gdepth.PANO):
        return None
    stated = (apple.camera(text) for _, text in described)
    found = next((camera for camera in stated if camera), None) or dynamic_depth.camera(about)
    return found.scaled(shape) if found else exif.camera(tags, shape)
