"""Read and write Google's GDepth: a depth map in the XMP of a JPEG.

Source: developers.google.com/depthmap-metadata. The map belongs to the photo's own pixels. It
cannot mark missing values.
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
"""Namespace of panoramas and VR180 photos."""

_MAX_SEGMENT_BYTES = 65_000
"""Bytes of XMP extension in one JPEG segment; the limit of JPEG is slightly higher."""


def find_gdepth(packets: Xmp) -> RawDepth | None:
    """Find the depth map in a photo's XMP.

    Parameters
    ----------
    packets : Xmp
        XMP of the photo.

    Returns
    -------
    RawDepth or None
        None where there is none.

    Raises
    ------
    CorruptFileError
        For a damaged description. Errors of the decoder of the map are passed on.
    """
    data = packets.text(_NS_DEPTH_MAP, "Data")
    if data is None:
        return None
    found = range_levels_to_depth(
        "gdepth",
        aux_image.decode_levels(aux_image.decode_xmp_base64(data)),
        packets.text(_NS_DEPTH_MAP, "Format"),
        packets.number(_NS_DEPTH_MAP, "Near"),
        packets.number(_NS_DEPTH_MAP, "Far"),
        packets.text(_NS_DEPTH_MAP, "Units"),
    )
    return add_confidence(found, _find_confidence(packets))


def add_confidence(depth: RawDepth, confidence: Float | None) -> RawDepth:
    """Add a confidence map to depth.

    Parameters
    ----------
    depth : RawDepth
        Depth (h, w).
    confidence : ndarray or None
        float32 in [0, 1]; ignored unless its shape is (h, w).

    Returns
    -------
    RawDepth
    """
    if confidence is None or confidence.shape != depth.shape:
        return depth
    return replace(depth, confidence=confidence)


def _find_confidence(packets: Xmp) -> Float | None:
    data = packets.text(_NS_DEPTH_MAP, "Confidence")
    return None if data is None else aux_image.decode_levels(aux_image.decode_xmp_base64(data))


def find_vr180_jpeg(packets: Xmp) -> bytes | None:
    """Find the other view of a VR180 photo.

    In a photo with depth the same property (GImage) holds the photo before it was blurred,
    which is no second view.

    Parameters
    ----------
    packets : Xmp
        XMP of the photo.

    Returns
    -------
    bytes or None
        A JPEG; None where there is none.
    """
    data = packets.text(_NS_IMAGE, "Data")
    is_vr180 = packets.uses_namespace(NS_PANORAMA) and not packets.uses_namespace(_NS_DEPTH_MAP)
    if data is None or not is_vr180:
        return None
    return aux_image.decode_xmp_base64(data)


def embed_gdepth(
    jpeg: bytes,
    depth: Float,
    metric: bool,
    near: float | None = None,
    far: float | None = None,
) -> bytes:
    """Embed a depth map in a JPEG, which GDepth readers can open (RangeInverse, 8 bits).

    Parameters
    ----------
    jpeg : bytes
        A JPEG file. Its XMP is replaced.
    depth : ndarray
        float32 (h, w) with the aspect of the photo, at any size.
    metric : bool
        Whether `depth` is in meters, else it is relative in [0, 1], 0 near.
    near, far : float, optional
        Distances at the ends of the 8 bits, by default the smallest and the largest depth. For
        relative depth only their ratio matters; the default is 1 to 2.

    Returns
    -------
    bytes
        The new JPEG.

    Raises
    ------
    InputError
        For bytes that are no JPEG, for invalid depth and for invalid limits.
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
    return _with_xmp(jpeg, [xmp.XMP_HEADER + standard, *_extension_payloads(extension, guid)])


def _limits(
    depth: Float, metric: bool, near: float | None, far: float | None
) -> tuple[float, float]:
    measured = depth[depth > 0] if metric else np.array([1, 2], np.float32)
    if not measured.size:
        raise InputError("depth to store has no distance above 0; measure some first")
    first = float(measured.min()) if near is None else float(near)
    last = float(measured.max()) if far is None else float(far)
    if near is None or far is None:
        last = max(last, first * 1.001)  # so that constant depth has a range too
    if not 0 < first < last < math.inf:
        raise InputError(f"depth to store from {first:g} to {last:g}; give 0 < near < far")
    return first, last


def _packet(properties: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="'
        f'{xmp.NS_RDF}"><rdf:Description rdf:about="" xmlns:GDepth="{_NS_DEPTH_MAP}" '
        f'xmlns:xmpNote="{xmp.NS_XMP_NOTE}" {properties}/></rdf:RDF></x:xmpmeta>'
    ).encode()


def _extension_payloads(extension: bytes, guid: str) -> list[bytes]:
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
    """Put APP1 segments into a JPEG after JFIF and EXIF; other XMP is removed."""
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
