"""Tone curves of ICC matrix profiles: read them, and build new profiles.

A matrix profile (ICC.1:2022, 8.3.3) holds one curve and one color for each channel. Other
profiles hold tables of colors and need a color engine, see `icc`.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_Curve = NDArray[np.float64]

CURVE_SAMPLES = 65_536
"""Points at which a curve is sampled, evenly spaced from 0 to 1."""

_D50 = (0.9642, 1.0, 0.8249)  # XYZ of the white point of the profile connection space
_MAX_TAGS = 200  # more than any profile has
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@lru_cache(maxsize=8)
def read_tone_curves(profile: bytes) -> _Curve | None:
    """Read the curves from device values to linear light of red, green and blue.

    Parameters
    ----------
    profile : bytes
        An ICC profile for RGB pixels.

    Returns
    -------
    ndarray or None
        float64 (3, CURVE_SAMPLES) in [0, 1], not decreasing, read-only. None where the profile
        has no curves, or curves that cannot be inverted.
    """
    try:
        tags = read_icc_tags(profile)
        sampled = np.stack([_sampled(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
    except (ArithmeticError, LookupError, ValueError, struct.error):
        return None
    if not np.isfinite(sampled).all():
        return None
    sampled = np.maximum.accumulate(np.clip(sampled, 0, 1), axis=1)
    if (sampled[:, -1] - sampled[:, 0] < 0.5).any():
        return None
    sampled.setflags(write=False)
    return sampled


def read_icc_tags(profile: bytes) -> dict[bytes, bytes]:
    """Read the tags of an ICC profile.

    Parameters
    ----------
    profile : bytes
        An ICC profile.

    Returns
    -------
    dict
        Content of each tag by its four-byte signature; empty where the tag table is damaged.
    """
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        rows = range(132, 132 + 12 * count, 12) if count <= _MAX_TAGS else ()
        table = [struct.unpack_from(">4sII", profile, row) for row in rows]
    except struct.error:
        return {}
    return {name: profile[start : start + size] for name, start, size in table}


def _sampled(tag: bytes) -> _Curve:
    """A `curv` or `para` tag (ICC.1:2022, 10.6 and 10.18) at CURVE_SAMPLES points."""
    x = np.linspace(0, 1, CURVE_SAMPLES)
    kind, count = tag[:4], int.from_bytes(tag[8:12], "big")
    if kind == b"curv" and count == 0:
        return x
    if kind == b"curv" and count == 1:
        return np.asarray(x ** (int.from_bytes(tag[12:14], "big") / 256), np.float64)
    if kind == b"curv":
        points = np.frombuffer(tag, ">u2", count, 12) / 65_535
        return np.interp(x, np.linspace(0, 1, count), points)
    if kind != b"para":
        raise ValueError("neither curv nor para")
    return _parametric(tag, x)


def _parametric(tag: bytes, x: _Curve) -> _Curve:
    """A `para` tag, function types 0 to 4 (ICC.1:2022, table 68), at `x`."""
    form = int.from_bytes(tag[8:10], "big")
    number = (1, 3, 4, 5, 7)[form]
    g, *rest = (value / 65_536 for value in struct.unpack_from(f">{number}i", tag, 12))
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if form in (1, 2):
        a, b, *offset = rest
        d = -b / a
        e = f = offset[0] if offset else 0.0
    elif form:
        a, b, c, d, e, f = (*rest, 0.0, 0.0)[:6]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        upper = np.power(np.maximum(a * x + b, 0), g) + e
    return np.asarray(np.where(x >= d, upper, c * x + f), np.float64)


def rgb_to_xyz_matrix(
    primaries: NDArray[np.float64], white: tuple[float, float]
) -> NDArray[np.float64]:
    """Compute the matrix from linear RGB to XYZ of an RGB color space.

    Parameters
    ----------
    primaries : ndarray
        Chromaticities (x, y) of red, green and blue: (3, 2).
    white : tuple of float
        Chromaticity (x, y) of white.

    Returns
    -------
    ndarray
        float64 (3, 3); RGB (1, 1, 1) becomes the space's own white with Y = 1.

    Raises
    ------
    ValueError
        Where the primaries lie on one line, or a chromaticity has y <= 0.
    """
    xyz = np.array([_xyz(*point) for point in np.asarray(primaries, np.float64)]).T
    try:
        return np.asarray(xyz * np.linalg.solve(xyz, _xyz(*white)), np.float64)
    except np.linalg.LinAlgError as error:
        raise ValueError("primaries on one line") from error


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    """XYZ of a chromaticity at Y = 1."""
    if y <= 0:
        raise ValueError("a chromaticity with y <= 0")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def build_matrix_profile(
    name: str,
    primaries: NDArray[np.float64],
    white: tuple[float, float],
    curve: tuple[float, ...],
) -> bytes:
    """Build a matrix profile (ICC version 4) for an RGB color space.

    Parameters
    ----------
    name : str
        Description that programs show; ASCII.
    primaries : ndarray
        Chromaticities (x, y) of red, green and blue: (3, 2).
    white : tuple
        Chromaticity (x, y) of white.
    curve : tuple
        The parameters of a parametric curve: (g) or (g, a, b, c, d) as in sRGB.

    Returns
    -------
    bytes
        The profile.

    Raises
    ------
    ValueError
        Where the numbers do not form a color space.
    """
    cone = _BRADFORD @ _xyz(*white)
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ np.array(_D50) / cone) @ _BRADFORD
    columns = (adapt @ rgb_to_xyz_matrix(primaries, white)).T
    form = {1: 0, 5: 3}[len(curve)]
    try:
        para = b"para" + bytes(4) + struct.pack(">HH", form, 0) + _fixed(*curve)
        tags = {
            b"desc": _text(name),
            b"cprt": _text("CC0"),
            b"wtpt": b"XYZ " + bytes(4) + _fixed(*_D50),
            **{
                tag: b"XYZ " + bytes(4) + _fixed(*column)
                for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
            },
            **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), para),
            b"chad": b"sf32" + bytes(4) + _fixed(*adapt.ravel()),
        }
    except struct.error as error:
        raise ValueError("a number out of the range of s15Fixed16") from error
    return _profile(tags)


def _fixed(*values: float) -> bytes:
    """Numbers as s15Fixed16."""
    return struct.pack(f">{len(values)}i", *(round(value * 65_536) for value in values))


def _text(text: str) -> bytes:
    """A text tag (`mluc`) with one English entry."""
    content = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(content), 28) + content


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """Header, tag table and tags; equal contents are written once."""
    start, body, places = 132 + 12 * len(tags), b"", dict[bytes, int]()
    table = struct.pack(">I", len(tags))
    for tag, content in tags.items():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", places[content], len(content))
    header = struct.pack(
        ">I4sI4s4s4s12s4s28s12s48s",
        start + len(body),
        b"",
        0x04400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        struct.pack(">6H", 2024, 1, 1, 0, 0, 0),
        b"acsp",
        b"",
        _fixed(*_D50),
        b"",
    )
    return header + table + body
