"""How a cut-out becomes a layer: scaled, cut to what cameras see, with relief and missing depth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...types import Float
from ..cutout_image import max_channel, premultiply
from ..types import RGBA, Rng
from .layer import Layer
from .noise import smooth_noise

_FRAME_MARGIN = 220
"""Pixels beyond the frame that are kept, for cameras beside the photo's."""

_HAIR_MISSING = 0.85, 0.14
"""How likely hair returns no depth: along the head's rim, and dark hair inside (noise.csv)."""

_HAIR_RIM_METERS = 0.005, 0.04
"""Meters of a head's upper rim that sensors lose: hair_gap_px less shoulder_gap_px, at the
distances of noise.csv, is 0.5 to 3.5 cm."""


@dataclass(frozen=True)
class SurfaceShape:
    """The surface and the hair of a layer; all lengths in meters.

    Attributes
    ----------
    bulge : float
        How far its middle comes forward.
    softness : float
        Over which length from its outline it comes forward.
    cut_sides : frozenset of str
        The sides where the frame cut it, which are no outlines.
    head : float
        Share of its rows that the head fills, 0 where there is none.
    """

    bulge: float = 0.12
    softness: float = 0.07
    cut_sides: frozenset[str] = frozenset()
    head: float = 0.0


@dataclass(frozen=True)
class Placement:
    """A cut-out's place: `rows` pixels high, its first pixel at (top, left), all fractional."""

    rows: float
    top: float
    left: float
    meters: float


def _scaled_window(
    rgba: RGBA, placement: Placement, shape: tuple[int, int]
) -> tuple[Float, tuple[int, int]] | None:
    """The part near the frame of a cut-out at its size: premultiplied float32, and its corner."""
    scale = placement.rows / rgba.shape[0]
    columns = rgba.shape[1] * scale
    y0, x0 = (
        max(int(np.floor(placement.top)) - 1, -_FRAME_MARGIN),
        max(int(np.floor(placement.left)) - 1, -_FRAME_MARGIN),
    )
    y1 = min(int(np.ceil(placement.top + placement.rows)) + 1, shape[0] + _FRAME_MARGIN)
    x1 = min(int(np.ceil(placement.left + columns)) + 1, shape[1] + _FRAME_MARGIN)
    if y1 - y0 < 4 or x1 - x0 < 4:
        return None
    picture = premultiply(rgba)
    if scale < 0.7:  # warping would skip pixels: average first
        small = max(2, round(rgba.shape[1] * scale)), max(2, round(placement.rows))
        average = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        picture = np.asarray(average, np.float32)
    step = np.array([columns / picture.shape[1], placement.rows / picture.shape[0]])
    corner = np.array([placement.left - x0, placement.top - y0])
    matrix = np.column_stack([np.diag(step), (step - 1) / 2 + corner])
    size = (x1 - x0, y1 - y0)
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    moved = np.asarray(cv2.warpAffine(picture, matrix, size, flags=method), np.float32)
    alpha = np.clip(moved[..., 3:], 0, 1)
    alpha[alpha < 0.5 / 255] = 0
    colors = np.clip(moved[..., :3], 0, alpha * 255)
    return np.concatenate([colors, alpha], axis=2), (y0, x0)


def place_cutout(
    rng: Rng,
    kind: str,
    rgba: RGBA,
    placement: Placement,
    surface: SurfaceShape,
    focal: float,
    shape: tuple[int, int],
    is_subject: bool = False,
) -> Layer | None:
    """A cut-out as a layer of a scene of (h, w) pixels; None when it is out of sight."""
    wide, wider = _extend_cut_sides(rgba, placement, surface.cut_sides)
    found = _scaled_window(wide, wider, shape)
    if found is None:
        return None
    picture, corner = found
    outline = _outline_meters(picture[..., 3], placement.meters / focal)
    relief = surface.bulge * (1 - np.exp(-outline / surface.softness))
    if surface.bulge > 0.05:
        # Folds and limbs: smooth waves of about +-0.3.
        length = 0.25 * focal / placement.meters
        folds = smooth_noise(
            rng, relief.shape, length, 0.15,
            extra=2, interpolation=cv2.INTER_CUBIC, dtype=np.float64,
        )  # fmt: skip
        relief = relief + folds * relief
    missing = _unmeasured(rng, picture, outline, surface.head, placement, corner)
    relief = relief.astype(np.float32)
    return Layer(kind, picture, corner, placement.meters, relief, missing, is_subject)


def _outline_meters(alpha: Float, pixel: float) -> Float:
    """Distance to the outline in meters, 0 outside; `pixel` is a pixel's width in meters."""
    quarter = 4 if min(alpha.shape) > 64 else 1
    size = max(1, alpha.shape[1] // quarter), max(1, alpha.shape[0] // quarter)
    solid = (cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    ringed = cv2.copyMakeBorder(solid, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    away = np.maximum(cv2.distanceTransform(ringed, cv2.DIST_L2, 5)[1:-1, 1:-1] - 0.5, 0)
    large = cv2.resize(away, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(large * (quarter * pixel), np.float32)


def _extend_cut_sides(
    rgba: RGBA, placement: Placement, sides: frozenset[str]
) -> tuple[RGBA, Placement]:
    """Beyond a side where the frame cut it the surface goes on, mirrored, for other cameras."""
    rows, columns = (round(0.3 * side) for side in rgba.shape[:2])
    above, below = rows * ("top" in sides), rows * ("bottom" in sides)
    before, after = columns * ("left" in sides), columns * ("right" in sides)
    wide = cv2.copyMakeBorder(rgba, above, below, before, after, cv2.BORDER_REFLECT_101)
    scale = placement.rows / rgba.shape[0]
    top, left = placement.top - above * scale, placement.left - before * scale
    return np.asarray(wide, np.uint8), Placement(wide.shape[0] * scale, top, left, placement.meters)


def _unmeasured(
    rng: Rng,
    picture: Float,
    outline: Float,
    head: float,
    placement: Placement,
    corner: tuple[int, int],
) -> Float:
    """How likely each pixel returns no depth: dark hair, a head's rim, now and then dark cloth."""
    light = max_channel(picture) / np.maximum(picture[..., 3], 1e-3)
    dark = np.clip((70 - light) / 30, 0, 1)
    missing = np.zeros(light.shape, np.float32)
    if rng.random() < 0.25:
        missing = (dark * rng.uniform(0.02, 0.3)).astype(np.float32)
    end = placement.top + head * placement.rows - corner[0]
    if head and end > 0:
        hair = np.clip(1 - np.arange(light.shape[0]) / end, 0, 1)[:, None] > 0.15
        missing = np.where(hair, np.maximum(missing, dark * _HAIR_MISSING[1]), missing)
        rim = outline < rng.uniform(*_HAIR_RIM_METERS)
        missing = np.where(hair & rim, np.maximum(missing, _HAIR_MISSING[0]), missing)
    return missing.astype(np.float32)
