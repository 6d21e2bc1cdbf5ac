"""Results as OpenEXR: a picture together with the depth of its portrait."""

from __future__ import annotations

from dataclasses import replace

from ...canvas import Box
from ...effects import Cutout
from ...io.files.exr_file import encode_exr
from ...portrait import Portrait
from .pictures import PictureMaker


def encode_exr_result(maker: PictureMaker, portrait: Portrait, frame: Box, half: bool) -> bytes:
    """Make a picture and encode it as OpenEXR with the depth of the portrait, where it has one.

    Parameters
    ----------
    maker : callable
        Portrait -> picture.
    portrait : Portrait
        The portrait.
    frame : Box
        The part of the photo that is written.
    half : bool
        Whether colors have 16 bits; else they have 32.

    Returns
    -------
    bytes
        The file. A picture that has not the photo's size has no depth.
    """
    if isinstance(maker, Cutout) and maker.premultiplied:
        maker = replace(maker, premultiplied=False)  # the format multiplies, in linear light
    picture = maker(portrait)
    depth, metric = None, portrait.measured.metric
    if picture.shape[:2] == portrait.photo.shape:
        picture = picture[frame.slices]
        if portrait.measured.known.any():
            depth = (portrait.meters if metric else portrait.depth)[frame.slices]
    return encode_exr(picture, portrait.photo.meta.icc, depth, metric, half)
