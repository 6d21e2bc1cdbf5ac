"""Google's GDepth: a depth map in a JPEG's XMP (developers.google.com/depthmap-metadata).

The map lies on the photo's own pixels, and has no way to say that a value is missing.
"""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import replace

import numpy as np

from ...errors import InputError
from ...evidence import RawDepth
from ...types import Float
from . import aux_image, xmp
from .depth_encoding import range_levels_to_depth
from .jpeg_segments import APP0, APP1, JPEG_START, read_jpeg_segments
from .xmp import Xmp

_NS_DEPTH_MAP = "http://ns.google.com/photos/1.0/depthmap/"
_NS_IMAGE = "http://ns.google.com/photos/1.0/image/"
NS_PANORAMA = "http://ns.google.com/photos/1.0/panorama/"

_MAX_SEGMENT_BYTES = 65_000
"""Bytes of an extension in one segment; the format's limit is a little higher."""


def find_gdepth(about: Xmp) -> RawDepth | None:
    """The depth map of a photo with this XMP, None where there is none.

    Raises Damaged, or what the decoder raises, for one that cannot be used.
    """
    data = about.text(_NS_DEPTH_MAP, "Data")
    if data is None:
        return None
    found = range_levels_to_depth(
        "gdepth",
        aux_image.decode_levels(aux_image.decode_xmp_base64(data)),
        about.text(_NS_DEPTH_MAP, "Format"),
        about.number(_NS_DEPTH_MAP, "Near"),
        about.number(_NS_DEPTH_MAP, "Far"),
        about.text(_NS_DEPTH_MAP, "Units"),
    )
    return add_confidence(found, _confidence(about))


def add_confidence(found: RawDepth, confidence: Float | None) -> RawDepth:
    """The same depth with the confidence that came beside it, where sizes agree."""
    if confidence is None or confidence.shape != found.shape:
        return found
    return replace(found, confidence=confidence)


def _confidence(about: Xmp) -> Float | None:
    data = about.text(_NS_DEPTH_MAP, "Confidence")
    return None if data is None else aux_image.decode_levels(aux_image.decode_xmp_base64(data))


def find_vr180_jpeg(about: Xmp) -> bytes | None:
    """The other view of a VR180 photo, a JPEG.

    Beside depth GImage holds the photo as it was before the phone blurred it: no second view.
    """
    data = about.text(_NS_IMAGE, "Data")
    if data is None or not about.uses_namespace(NS_PANORAMA) or about.uses_namespace(_NS_DEPTH_MAP):
        return None
    return aux_image.decode_xmp_base64(data)


def embed_gdepth(
    jpeg: bytes,
    depth: Float,
    metric: bool,
    near: float | None = None,
    far: float | None = None,
) -> bytes:
    """A JPEG's bytes with a depth map inside that GDepth readers open (RangeInverse, 8 bits).

    `depth` is float32 (h, w) of the photo's shape at any size: metres with `metric`, else
    relative in [0, 1], 0 near. `near` and `far` are the distances the 8 bits span, by
    default all there are; for relative depth their ratio alone matters, and 1 to 2 keeps
    every level. XMP that the JPEG had is replaced.

    Raises InputError for bytes that are no JPEG and for depth or limits that are none.
    """
    if not jpeg.startswith(JPEG_START):
        raise InputError("depth is stored in JPEG files only; write the photo as .jpg")
    if depth.ndim != 2 or not depth.size or not np.isfinite(depth).all() or depth.min() < 0:
        raise InputError(f"depth to store must be finite, >= 0 and (h, w), got {depth.shape}")
    near, far = _limits(depth, metric, near, far)
    z = depth if metric else near * (far / near) ** np.clip(depth, 0, 1)
    inverse = 1 / np.clip(z, near, far)
    levels = np.rint(255 * (1 / near - inverse) / (1 / near - 1 / far)).astype(np.uint8)
    extension = _packet(
        f'GDepth:Data="{base64.b64encode(aux_image.encode_gray_png(levels)).decode()}"'
    )
    guid = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()
    unit = 'GDepth:Units="m" ' if metric else ""
    standard = _packet(
        f'GDepth:Format="RangeInverse" GDepth:Near="{near!r}" GDepth:Far="{far!r}" {unit}'
        f'GDepth:Mime="image/png" xmpNote:HasExtendedXMP="{guid}"'
    )
    return _with_xmp(jpeg, [xmp.XMP_HEADER + standard, *_pieces(extension, guid)])


def _limits(
    depth: Float, metric: bool, near: float | None, far: float | None
) -> tuple[float, float]:
    measured = depth[depth > 0] if metric else np.array([1, 2], np.float32)
    if not measured.size:
        raise InputError("depth to store has no distance above 0; measure some first")
    first = float(measured.min()) if near is None else float(near)
    last = float(measured.max()) if far is None else float(far)
    if near is None or far is None:
        last = max(last, first * 1.001)  # one distance everywhere still spans a range
    if not 0 < first < last < math.inf:
        raise InputError(f"depth to store from {first:g} to {last:g}; give 0 < near < far")
    return first, last


def _packet(properties: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="'
        f'{xmp.NS_RDF}"><rdf:Description rdf:about="" xmlns:GDepth="{_NS_DEPTH_MAP}" '
        f'xmlns:xmpNote="{xmp.NS_XMP_NOTE}" {properties}/></rdf:RDF></x:xmpmeta>'
    ).encode()


def _pieces(extension: bytes, guid: str) -> list[bytes]:
    total = len(extension).to_bytes(4, "big")
    return [
        xmp.XMP_EXTENSION_HEADER
        + guid.encode()
        + total
        + start.to_bytes(4, "big")
        + extension[start : start + _MAX_SEGMENT_BYTES]
        for start in range(0, len(extension), _MAX_SEGMENT_BYTES)
    ]


def _with_xmp(jpeg: bytes, payloads: list[bytes]) -> bytes:
    """The JPEG with these APP1 segments after JFIF and EXIF, and with no other XMP."""
    kept, stop, place = [jpeg[:2]], 2, 1
    for segment in read_jpeg_segments(jpeg):
        stop = segment.start + len(segment.payload)
        if segment.payload.startswith((xmp.XMP_HEADER, xmp.XMP_EXTENSION_HEADER)):
            continue
        kept.append(_segment(segment.marker, segment.payload))
        if segment.marker == APP0 or segment.payload.startswith(b"Exif\0"):
            place = len(kept)
    kept[place:place] = [_segment(APP1, payload) for payload in payloads]
    return b"".join([*kept, jpeg[stop:]])


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload
