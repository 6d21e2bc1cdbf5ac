"""Google's GDepth: a depth map in a JPEG's XMP (developers.google.com/depthmap-metadata).

GDepth knows neither who is missing nor a second camera: depth is on the photo's own pixels.
"""

from __future__ import annotations

from ..evidence import RawDepth
from . import plane
from .ranges import Float, ranged
from .xmp import Xmp

SPACE = "http://ns.google.com/photos/1.0/depthmap/"
IMAGE = "http://ns.google.com/photos/1.0/image/"
PANO = "http://ns.google.com/photos/1.0/panorama/"

_PIECE = 65_000
"""Bytes of an extension in one segment; the format's limit is a little higher."""


def depth(about: Xmp) -> RawDepth | None:
    """The depth map of a photo with this XMP, None where there is none.

    Raises Damaged, or what the decoder raises, for one that cannot be used.
    """
    data = about.text(SPACE, "Data")
    if data is None:
        return None
    found = ranged(
        "gdepth",
        plane.levels(plane.payload(data)),
        about.text(SPACE, "Format"),
        about.number(SPACE, "Near"),
        about.number(SPACE, "Far"),
        about.text(SPACE, "Units"),
    )
    return with_confidence(found, _confidence(about))


def with_confidence(found: RawDepth, confidence: Float | None) -> RawDepth:
    """The same depth with the confidence that came beside it, where sizes agree."""
    from dataclasses import replace

    if confidence is None or confidence.shape != found.shape:
        return found
    return replace(found, confidence=confidence)


def _confidence(about: Xmp) -> Float | None:
    data = about.text(SPACE, "Confidence")
    return None if data is None else plane.levels(plane.payload(data))


def right_eye(about: Xmp) -> bytes | None:
    """The other view of a VR180 photo, a JPEG.

    Beside depth GImage holds the photo as it was before the phone blurred it: no second view.
    """
    data = about.text(IMAGE, "Data")
    if data is None or not about.mentions(PANO) or about.mentions(SPACE):
        return None
    return plane.payload(data)
