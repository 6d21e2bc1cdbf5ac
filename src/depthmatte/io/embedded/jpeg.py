"""Find data inside a JPEG: Apple's auxiliary pictures, GDepth, Dynamic Depth, a second view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import Evidence, RawDepth, StereoView
from ..damage import try_finder
from ..photo import exif
from . import apple, aux_image, dynamic_depth, gdepth, jpeg_segments, stereo_pair, xmp
from .embedded_data import EmbeddedData, has_photo_aspect, keep_if_covering
from .jpeg_segments import APP1, MpoPicture
from .xmp import Xmp

if TYPE_CHECKING:
    from PIL.Image import Exif


def find_jpeg_data(content: bytes, shape: tuple[int, int], tags: Exif) -> EmbeddedData:
    """Find everything in a JPEG beside the pixels of its photo.

    Parameters
    ----------
    content : bytes
        The file.
    shape : tuple of int
        (h, w) of the photo as stored.
    tags : PIL.Image.Exif
        EXIF of the photo.

    Returns
    -------
    EmbeddedData
        On the stored pixels.
    """
    packets = _read_xmp(content)
    pictures = try_finder(jpeg_segments.read_mpo_pictures, content) or []
    described = [(picture, _read_xmp(picture.content)) for picture in pictures]
    depth = (
        try_finder(_find_apple_depth, described)
        or try_finder(gdepth.find_gdepth, packets)
        or try_finder(dynamic_depth.find_dynamic_depth, packets, content)
    )
    camera = try_finder(_find_camera, described, packets, tags, shape)
    return EmbeddedData(
        Evidence(
            embedded_depth=keep_if_covering(depth, shape),
            second_view=try_finder(_find_second_view, content, packets, pictures, shape),
            matte=try_finder(_find_matte, described, shape),
        ),
        camera,
    )


def _read_xmp(content: bytes) -> Xmp:
    segments = jpeg_segments.read_jpeg_segments(content)
    return xmp.xmp_from_jpeg(each.payload for each in segments if each.marker == APP1)


def _find_apple_depth(described: list[tuple[MpoPicture, Xmp]]) -> RawDepth | None:
    for picture, packets in described:
        kind = apple.classify_apple_image(packets)
        if kind in ("disparity", "depth"):
            return apple.parse_apple_depth(kind, aux_image.decode_levels(picture.content), packets)
    return None


def _find_matte(
    described: list[tuple[MpoPicture, Xmp]], shape: tuple[int, int]
) -> NDArray[np.uint8] | None:
    for picture, packets in described:
        if apple.classify_apple_image(packets) == "matte":
            matte = aux_image.decode_gray(picture.content)
            return matte if has_photo_aspect(matte, shape) else None
    return None


def _find_second_view(
    content: bytes, packets: Xmp, pictures: list[MpoPicture], shape: tuple[int, int]
) -> StereoView | None:
    """A view without a camera: MPO states the distance of its lenses, not their directions."""
    view = stereo_pair.find_vr180_view(packets, shape)
    return view or stereo_pair.find_mpo_view(content, pictures, shape)


def _find_camera(
    described: list[tuple[MpoPicture, Xmp]], packets: Xmp, tags: Exif, shape: tuple[int, int]
) -> Camera | None:
    """The camera that the depth names, else from EXIF; None for a panorama."""
    if packets.uses_namespace(gdepth.NS_PANORAMA):
        return None
    cameras = (apple.find_apple_camera(each) for _, each in described)
    found = next((camera for camera in cameras if camera), None)
    found = found or dynamic_depth.find_dynamic_depth_camera(packets)
    return found.scaled(shape) if found else exif.camera_from_exif(tags, shape)
