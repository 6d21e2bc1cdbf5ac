"""Read coding-independent code points (CICP, ITU-T H.273), which name a file's color space.

PNG has a cICP chunk, HEIF and AVIF have a `colr` box of kind `nclx`, and ICC profiles since
version 4.4 have a `cicp` tag.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from ...color.tone_curves import build_matrix_profile, read_icc_tags
from ..embedded import heif_boxes
from . import png_chunks

_TRANSFER_PQ, TRANSFER_HLG = 16, 18
"""Transfer characteristics of HDR: SMPTE ST 2084, and ARIB STD-B67."""

_SRGB = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES = {1: _SRGB, 6: _SRGB, 13: _SRGB, 14: _SRGB, 15: _SRGB, 4: (2.2,), 5: (2.8,), 8: (1.0,)}
_D65 = (0.3127, 0.329)
_PRIMARIES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


class Cicp(NamedTuple):
    """Code points of color primaries and transfer characteristics.

    Attributes
    ----------
    primaries : int
        ColourPrimaries of H.273, such as 1 (BT.709), 9 (BT.2020) or 12 (Display P3).
    transfer : int
        TransferCharacteristics of H.273, such as 13 (sRGB), 16 (PQ) or 18 (HLG).
    """

    primaries: int
    transfer: int

    @property
    def is_hdr(self) -> bool:
        """Whether the values can be brighter than white."""
        return self.transfer in (_TRANSFER_PQ, TRANSFER_HLG)

    @property
    def primaries_xy(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Chromaticities (x, y) of red, green, blue: (3, 2); BT.2020 for unknown codes."""
        return np.array(_PRIMARIES.get(self.primaries, _PRIMARIES[9]))

    @property
    def white_xy(self) -> tuple[float, float]:
        """Chromaticity (x, y) of white: D65."""
        return _D65

    def profile(self) -> bytes | None:
        """Build an ICC profile.

        Returns
        -------
        bytes or None
            None for sRGB, HDR and codes that are unknown or unspecified.
        """
        curve = _CURVES.get(self.transfer)
        if curve is None or self.primaries not in _PRIMARIES:
            return None
        if self.primaries == 1 and curve is _SRGB:
            return None
        return build_matrix_profile(
            f"CICP {self.primaries}/{self.transfer}", self.primaries_xy, self.white_xy, curve
        )


def read_cicp(content: bytes) -> Cicp | None:
    """Read the code points of a PNG, HEIF or AVIF file.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    Cicp or None
        None where they are missing or damaged.
    """
    try:
        chunk = (
            png_chunks.find_png_chunk(content, b"cICP")
            if content.startswith(png_chunks.PNG_SIGNATURE)
            else None
        )
        if chunk is not None and len(chunk) == 4:
            return Cicp(chunk[0], chunk[1])
        return _read_heif_cicp(content) if content[4:8] == b"ftyp" else None
    except (ValueError, LookupError, struct.error):
        return None


def cicp_from_profile(icc: bytes | None) -> Cicp | None:
    """Read the `cicp` tag of an ICC profile; None without one."""
    tag = read_icc_tags(icc).get(b"cicp", b"") if icc else b""
    return Cicp(tag[8], tag[9]) if len(tag) >= 12 else None


def profile_from_gamma(content: bytes) -> bytes | None:
    """Build an ICC profile from a PNG's gAMA and cHRM chunks.

    Parameters
    ----------
    content : bytes
        A PNG file.

    Returns
    -------
    bytes or None
        None where the chunks are missing, invalid or describe sRGB, and where a better
        description (iCCP, sRGB, cICP) is present.
    """
    if any(png_chunks.find_png_chunk(content, kind) for kind in (b"iCCP", b"sRGB", b"cICP")):
        return None
    gamma, points = (
        png_chunks.find_png_chunk(content, b"gAMA"),
        png_chunks.find_png_chunk(content, b"cHRM"),
    )
    exponent = 100_000 / int.from_bytes(gamma, "big") if gamma and any(gamma) else 2.2
    if not 0.5 <= exponent <= 4:
        return None
    is_srgb_gamma = abs(exponent - 2.2) < 0.05
    corners = np.array(_PRIMARIES[1])
    white = _D65
    if points is not None and len(points) == 32:
        numbers = [value / 100_000 for value in struct.unpack(">8I", points)]
        white = (numbers[0], numbers[1])
        primaries = np.array(numbers[2:]).reshape(3, 2)
        near = np.abs(primaries - corners).max() < 0.01 and abs(white[0] - _D65[0]) < 0.01
        corners, white = (corners, _D65) if near else (primaries, white)
    if is_srgb_gamma and np.array_equal(corners, _PRIMARIES[1]):
        return None
    try:
        return build_matrix_profile(
            "gAMA and cHRM", corners, white, _SRGB if is_srgb_gamma else (exponent,)
        )
    except ValueError:
        return None


def _read_heif_cicp(content: bytes) -> Cicp | None:
    """The `nclx` of the photo (ISO 14496-12, 12.1.5)."""
    for kind, box in heif_boxes.read_photo_properties(content):
        if kind == "colr" and bytes(box[:4]) == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", box, 4)
            return Cicp(primaries, transfer)
    return None
