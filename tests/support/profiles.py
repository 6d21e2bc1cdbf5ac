"""ICC profiles made by code: wide RGB spaces as matrices, and any device as a table."""

import struct
from collections.abc import Callable
from io import BytesIO
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from depthmatte.color.tone_curves import build_matrix_profile, rgb_to_xyz_matrix

D65, D50 = (0.3127, 0.329), (0.345704, 0.358540)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

SPACES: dict[
    str, tuple[tuple[tuple[float, float], ...], tuple[float, float], tuple[float, ...]]
] = {
    "display-p3": (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65, SRGB_CURVE),
    "adobe-rgb": (((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, (563 / 256,)),
    "prophoto": (((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105)), D50, (1.8,)),
    "swapped": (((0.15, 0.06), (0.64, 0.33), (0.30, 0.60)), D65, SRGB_CURVE),
    "linear": (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, (1.0,)),
}
"""Primaries, white and curve, from the standards that define the spaces."""

SRGB = (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, SRGB_CURVE)


def profile(space: str) -> bytes:
    """The matrix profile of one of SPACES."""
    primaries, white, curve = SPACES[space]
    return build_matrix_profile(space, np.array(primaries), white, curve)


def linear(pixels: NDArray[np.uint8], curve: tuple[float, ...]) -> NDArray[np.float64]:
    """Device values -> linear light, by the formula."""
    x = np.asarray(pixels) / 255
    if len(curve) == 1:
        return x ** curve[0]
    g, a, b, c, d = curve
    return np.where(x >= d, (a * x + b) ** g, c * x)


def by_hand(pixels: NDArray[np.uint8], space: str) -> NDArray[np.float64]:
    """What pixels (..., 3) of a space look like as sRGB, in levels, neither clipped nor rounded."""
    primaries, white, curve = SPACES[space]
    xyz = (
        linear(pixels, curve)
        @ rgb_to_xyz_matrix(np.array(primaries), white).T
        @ bradford(white, D65).T
    )
    light = xyz @ np.linalg.inv(rgb_to_xyz_matrix(np.array(SRGB[0]), D65)).T
    small = light <= 0.0031308
    return 255 * np.where(small, light * 12.92, 1.055 * np.abs(light) ** (1 / 2.4) - 0.055)


def bradford(white: tuple[float, float], other: tuple[float, float]) -> NDArray[np.float64]:
    """XYZ under one white -> under another."""
    cone = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    one, two = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in (white, other))
    return np.linalg.inv(cone) @ np.diag((cone @ two) / (cone @ one)) @ cone


def seen(pixels: NDArray[np.uint8], icc: bytes | None) -> NDArray[np.int_]:
    """What LittleCMS, as any color-managed viewer, shows for pixels (H, W, 3): sRGB."""
    if icc is None:
        return np.asarray(pixels).astype(int)
    own = ImageCms.ImageCmsProfile(BytesIO(icc))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    shown = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert shown is not None
    return np.asarray(shown).astype(int)


def table(
    space: str, to_light: Callable[[NDArray[np.float64]], NDArray[np.float64]], grid: int = 9
) -> bytes:
    """A profile that leads one way only: device values (n, k) in [0, 1] -> linear sRGB, by table.

    `space` is "RGB" or "CMYK". The table is of the `mft2` kind (ICC.1:2001, 6.5.7).
    """
    count = len(space)
    nodes = np.array(list(product(np.linspace(0, 1, grid), repeat=count)))
    srgb = rgb_to_xyz_matrix(np.array(SRGB[0]), D65)
    xyz = to_light(nodes) @ srgb.T @ bradford(D65, D50).T
    levels = np.clip(np.rint(xyz * 32_768), 0, 65_535).astype(">u2").tobytes()
    straight = struct.pack(">2H", 0, 65_535)
    unit = struct.pack(">9i", *(np.eye(3).ravel() * 65_536).astype(int))
    lut = b"mft2" + bytes(4) + bytes((count, 3, grid, 0)) + unit + struct.pack(">2H", 2, 2)
    lut += straight * count + levels + straight * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061)
    name = b"desc" + bytes(4) + struct.pack(">I", 6) + b"table\0" + bytes(78)
    parts = [(b"desc", name), (b"wtpt", white), (b"A2B0", lut)]
    body, rows, place = b"", b"", 132 + 12 * len(parts)
    for tag, content in parts:
        rows += tag + struct.pack(">II", place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s28s12s48s",
        place + len(body),
        b"",
        0x02400000,
        b"prtr" if space == "CMYK" else b"scnr",
        space.ljust(4).encode(),
        b"XYZ ",
        struct.pack(">6H", 2024, 1, 1, 0, 0, 0),
        b"acsp",
        b"",
        struct.pack(">3i", 63_190, 65_536, 54_061),
        b"",
    )
    return header + struct.pack(">I", len(parts)) + rows + body
