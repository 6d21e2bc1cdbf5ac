"""What a JPEG holds beside its photo: Apple's pictures, GDepth, Dynamic Depth, a second view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import Evidence, RawDepth, StereoView
from ..photo import exif
from . import apple, aux_image, dynamic_depth, gdepth, jpeg_segments, stereo_pair, xmp
from .jpeg_segments import APP1, MpoPicture
from .result import EmbeddedData, has_photo_aspect, keep_if_covering, try_finder
from .xmp import Xmp

if TYPE_CHECKING:
    from PIL.Image import Exif


def find_jpeg_data(content: bytes, shape: tuple[int, int], tags: Exif) -> EmbeddedData:
    """Everything in the bytes of a JPEG of `shape` (h, w) pixels as stored."""
    about = _about(content)
    pictures = try_finder(jpeg_segments.read_mpo_pictures, content) or []
    described = [(picture, _about(picture.content)) for picture in pictures]
    stored = (
        try_finder(_apple_depth, described)
        or try_finder(gdepth.find_gdepth, about)
        or try_finder(dynamic_depth.find_dynamic_depth, about, content)
    )
    camera = try_finder(_camera, described, about, tags, shape)
    return EmbeddedData(
        Evidence(
            embedded_depth=keep_if_covering(stored, shape),
            second_view=try_finder(_second, content, about, pictures, shape),
            matte=try_finder(_matte, described, shape),
        ),
        camera,
    )


def _about(content: bytes) -> Xmp:
    return xmp.xmp_from_jpeg(
        s.payload for s in jpeg_segments.read_jpeg_segments(content) if s.marker == APP1
    )


def _apple_depth(described: list[tuple[MpoPicture, Xmp]]) -> RawDepth | None:
    for picture, about in described:
        what = apple.classify_apple_image(about)
        if what in ("disparity", "depth"):
            return apple.parse_apple_depth(what, aux_image.decode_levels(picture.content), about)
    return None


def _matte(
    described: list[tuple[MpoPicture, Xmp]], shape: tuple[int, int]
) -> NDArray[np.uint8] | None:
    for picture, about in described:
        if apple.classify_apple_image(about) == "matte":
            matte = aux_image.decode_gray(picture.content)
            return matte if has_photo_aspect(matte, shape) else None
    return None


def _second(
    content: bytes, about: Xmp, pictures: list[MpoPicture], shape: tuple[int, int]
) -> StereoView | None:
    """Without a camera: MPO states how far its lenses are apart, not how much they squint."""
    eye = stereo_pair.find_vr180_view(about, shape)
    return eye or stereo_pair.find_mpo_view(content, pictures, shape)


def _camera(
    described: list[tuple[MpoPicture, Xmp]], about: Xmp, tags: Exif, shape: tuple[int, int]
) -> Camera | None:
    """By what the depth's own description says, else by the lens; a panorama has no pinhole."""
    if about.uses_namespace(gdepth.NS_PANORAMA):
        return None
    stated = (apple.find_apple_camera(text) for _, text in described)
    found = next(
        (camera for camera in stated if camera), None
    ) or dynamic_depth.find_dynamic_depth_camera(about)
    return found.scaled(shape) if found else exif.camera_from_exif(tags, shape)
