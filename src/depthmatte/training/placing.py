"""Cut-outs become layers: cut to what a camera can see, scaled, bulging, partly unmeasurable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .augment import Rng
from .rendering import Layer, Map, brightest
from .stock import RGBA

REACH = 220
"""Pixels beyond the frame that are kept, for cameras beside the photo's."""

HAIR = 0.85, 0.14
"""How likely hair returns no depth: along the head's rim, and dark hair inside (noise.csv)."""

RIM = 0.005, 0.04
"""Metres of a head's upper rim that sensors lose: hair_gap_px less shoulder_gap_px, at the
distances of noise.csv, is 0.5 to 3.5 cm."""


@dataclass(frozen=True)
class Body:
    """How a layer's surface and hair are: all lengths in metres.

    `bulge` is how far its middle comes forward, `soft` over which length from its outline;
    `open` are the sides where the frame cut it, which are no outlines; the head fills
    `head` of its rows, 0 where there is none.
    """

    bulge: float = 0.12
    soft: float = 0.07
    open: frozenset[str] = frozenset()
    head: float = 0.0


@dataclass(frozen=True)
class Spot:
    """Where a cut-out goes: `rows` pixels high, its first pixel at (top, left), both real."""

    rows: float
    top: float
    left: float
    metres: float


def scaled_window(
    rgba: RGBA, spot: Spot, shape: tuple[int, int]
) -> tuple[Map, tuple[int, int]] | None:
    """The part near the frame of a cut-out at its size: premultiplied float32, and its corner."""
    scale = spot.rows / rgba.shape[0]
    columns = rgba.shape[1] * scale
    y0, x0 = max(int(np.floor(spot.top)) - 1, -REACH), max(int(np.floor(spot.left)) - 1, -REACH)
    y1 = min(int(np.ceil(spot.top + spot.rows)) + 1, shape[0] + REACH)
    x1 = min(int(np.ceil(spot.left + columns)) + 1, shape[1] + REACH)
    if y1 - y0 < 4 or x1 - x0 < 4:
        return None
    picture = rgba.astype(np.float32)
    picture[..., 3] /= 255
    picture[..., :3] *= picture[..., 3:]
    if scale < 0.7:  # warping would skip pixels: average first
        small = max(2, round(rgba.shape[1] * scale)), max(2, round(spot.rows))
        average = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        picture = np.asarray(average, np.float32)
    step = np.array([columns / picture.shape[1], spot.rows / picture.shape[0]])
    corner = np.array([spot.left - x0, spot.top - y0])
    matrix = np.column_stack([np.diag(step), (step - 1) / 2 + corner])
    size = (x1 - x0, y1 - y0)
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    moved = np.asarray(cv2.warpAffine(picture, matrix, size, flags=method), np.float32)
    alpha = np.clip(moved[..., 3:], 0, 1)
    alpha[alpha < 0.5 / 255] = 0
    colours = np.clip(moved[..., :3], 0, alpha * 255)
    return np.concatenate([colours, alpha], axis=2), (y0, x0)


def place(
    rng: Rng,
    kind: str,
    rgba: RGBA,
    spot: Spot,
    body: Body,
    focal: float,
    shape: tuple[int, int],
    own: bool = False,
) -> Layer | None:
    """A cut-out as a layer of a scene of (h, w) pixels; None when it is out of sight."""
    wide, wider = _continued(rgba, spot, body.open)
    found = scaled_window(wide, wider, shape)
    if found is None:
        return None
    picture, corner = found
    outline = outline_metres(picture[..., 3], spot.metres / focal)
    relief = body.bulge * (1 - np.exp(-outline / body.soft))
    if body.bulge > 0.05:
        relief = relief + _waves(rng, relief.shape, 0.25 * focal / spot.metres) * relief
    missing = _unmeasured(rng, picture, outline, body.head, spot, corner)
    layer = Layer(kind, picture, corner, spot.metres, relief.astype(np.float32), missing, own)
    return layer


def outline_metres(alpha: Map, pixel: float) -> Map:
    """Distance to the outline in metres, 0 outside; `pixel` is a pixel's width in metres."""
    quarter = 4 if min(alpha.shape) > 64 else 1
    size = max(1, alpha.shape[1] // quarter), max(1, alpha.shape[0] // quarter)
    solid = (cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    ringed = cv2.copyMakeBorder(solid, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    away = np.maximum(cv2.distanceTransform(ringed, cv2.DIST_L2, 5)[1:-1, 1:-1] - 0.5, 0)
    large = cv2.resize(away, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(large * (quarter * pixel), np.float32)


def _continued(rgba: RGBA, spot: Spot, sides: frozenset[str]) -> tuple[RGBA, Spot]:
    """Beyond a side where the frame cut it the body goes on, mirrored, for other cameras."""
    rows, columns = (round(0.3 * side) for side in rgba.shape[:2])
    above, below = rows * ("top" in sides), rows * ("bottom" in sides)
    before, after = columns * ("left" in sides), columns * ("right" in sides)
    wide = cv2.copyMakeBorder(rgba, above, below, before, after, cv2.BORDER_REFLECT_101)
    scale = spot.rows / rgba.shape[0]
    top, left = spot.top - above * scale, spot.left - before * scale
    return np.asarray(wide, np.uint8), Spot(wide.shape[0] * scale, top, left, spot.metres)


def _waves(rng: Rng, shape: tuple[int, ...], length: float) -> Map:
    """Smooth waves of about +-0.3 with the given wavelength in pixels: folds and limbs."""
    grid = max(2, round(shape[0] / length) + 2), max(2, round(shape[1] / length) + 2)
    coarse = (rng.standard_normal(grid) * 0.15).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _unmeasured(
    rng: Rng, picture: Map, outline: Map, head: float, spot: Spot, corner: tuple[int, int]
) -> Map:
    """How likely each pixel returns no depth: dark hair, a head's rim, now and then dark cloth."""
    light = brightest(picture) / np.maximum(picture[..., 3], 1e-3)
    dark = np.clip((70 - light) / 30, 0, 1)
    missing = np.zeros(light.shape, np.float32)
    if rng.random() < 0.25:
        missing = (dark * rng.uniform(0.02, 0.3)).astype(np.float32)
    end = spot.top + head * spot.rows - corner[0]
    if head and end > 0:
        hair = np.clip(1 - np.arange(light.shape[0]) / end, 0, 1)[:, None] > 0.15
        missing = np.where(hair, np.maximum(missing, dark * HAIR[1]), missing)
        rim = outline < rng.uniform(*RIM)
        missing = np.where(hair & rim, np.maximum(missing, HAIR[0]), missing)
    return missing.astype(np.float32)


def blurred(layer: Layer, sigma: float) -> Layer:
    """Out of focus: colours and alpha together, on a sheet large enough."""
    if sigma < 0.4:
        return layer
    pad = int(np.ceil(2.5 * sigma))
    sheet = cv2.copyMakeBorder(layer.rgba, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    rgba = np.asarray(cv2.GaussianBlur(sheet, (0, 0), sigma), np.float32)
    relief, missing = (
        np.asarray(cv2.copyMakeBorder(m, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.float32)
        for m in (layer.relief, layer.missing)
    )
    corner = (layer.corner[0] - pad, layer.corner[1] - pad)
    return replace(layer, rgba=rgba, corner=corner, relief=relief, missing=missing)
