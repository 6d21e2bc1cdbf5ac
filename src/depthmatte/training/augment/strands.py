"""Strands of hair and fur drawn on a cut-out, whose alpha is exact because they are drawn.

Hair grows from the rim of a head, in tufts. A style says where on the rim, how long, which way and
how curly. Colors are those of the person a little inside the rim.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import Box
from ...subjects.head import find_head
from ...types import RGB, Float
from ..types import Rng
from .options import CountSpan, Span

_FINE_BITS = 4
"""Bits of a fraction of a pixel in which OpenCV takes the points of a line."""

_STEPS = 14
"""Points of a strand."""

_PARTS = 3
"""Pieces of a strand, each fainter than the one before."""

_INWARD = 0.03
"""Depth below the rim from which a strand takes its color, as a share of the head."""


@dataclass(frozen=True)
class StrandStyle:
    """How strands of one kind are drawn. Lengths are shares of the head's size.

    Attributes
    ----------
    name : str
        What they are.
    region : {"crown", "sides", "chin", "shoulders", "all"}
        Where on the outline they grow.
    tufts : tuple of int
        How many tufts.
    strands : tuple of int
        How many strands in a tuft.
    length : tuple of float
        How long a strand is.
    lean : float
        Standard deviation of its direction from straight out, in radians.
    bend : float
        Standard deviation of how far it turns along its way, in radians.
    fall : float
        How much it turns down, from 0 to 1.
    wave : tuple of float
        How far it swings to each side, in radians.
    waves : tuple of float
        How many times it does.
    opacity : tuple of float
        Alpha of a line of one pixel.
    """

    name: str
    region: Literal["crown", "sides", "chin", "shoulders", "all"]
    tufts: CountSpan
    strands: CountSpan
    length: Span
    lean: float
    bend: float
    fall: float
    wave: Span
    waves: Span
    opacity: Span


STRAND_STYLES = (
    StrandStyle("flyaways", "crown", (20, 90), (1, 2), (0.08, 0.35), 0.7, 1.2, 0.2, (0.0, 0.3),
                (0.5, 2.0), (0.25, 0.9)),
    StrandStyle("curls", "all", (60, 200), (2, 5), (0.06, 0.22), 0.5, 1.5, 0.0, (0.8, 2.2),
                (1.0, 3.0), (0.4, 1.0)),
    StrandStyle("loose hair", "sides", (25, 90), (2, 8), (0.3, 1.1), 0.4, 0.5, 0.85, (0.0, 0.5),
                (0.5, 2.5), (0.35, 1.0)),
    StrandStyle("fuzz", "crown", (150, 400), (1, 3), (0.02, 0.1), 0.6, 0.8, 0.0, (0.0, 0.5),
                (0.5, 1.5), (0.2, 0.8)),
    StrandStyle("beard", "chin", (80, 220), (1, 4), (0.03, 0.14), 0.5, 0.7, 0.5, (0.0, 0.8),
                (0.5, 2.0), (0.3, 0.9)),
    StrandStyle("fur collar", "shoulders", (200, 500), (1, 4), (0.03, 0.12), 0.4, 0.5, 0.1,
                (0.0, 0.4), (0.5, 1.5), (0.3, 0.9)),
    StrandStyle("spikes", "crown", (25, 70), (4, 10), (0.08, 0.25), 0.35, 0.3, 0.0, (0.0, 0.1),
                (0.5, 1.0), (0.5, 1.0)),
)  # fmt: skip
"""The kinds of strands."""


def draw_strands(
    rng: Rng, colors: RGB, alpha: Float, style: StrandStyle, amount: float = 1.0
) -> tuple[RGB, Float]:
    """Draw the strands of one style behind and around a person.

    Parameters
    ----------
    rng : numpy.random.Generator
    colors : ndarray
        Foreground colors, uint8 (H, W, 3), of any value where alpha is 0.
    alpha : ndarray
        float32 (H, W) in [0, 1].
    style : StrandStyle
        The kind of strands.
    amount : float
        Factor on the number of tufts.

    Returns
    -------
    tuple of ndarray
        New colors and alpha; the given ones where no head is found.
    """
    head = find_head(alpha)
    if head is None or min(head.height, head.width) < 8:
        return colors, alpha
    size = float(max(head.height, head.width))
    rows, columns, outward = _find_roots(alpha, head, style.region, size)
    if not rows.size:
        return colors, alpha
    paint = np.zeros((*alpha.shape, 4), np.float32)  # colors times alpha, alpha
    for _ in range(max(1, round(amount * int(rng.integers(*style.tufts, endpoint=True))))):
        root = int(rng.integers(rows.size))
        way = float(outward[root])
        deep = size * _INWARD * rng.uniform(0.5, 2)
        y, x = rows[root] - deep * np.sin(way), columns[root] - deep * np.cos(way)
        color = colors[
            int(np.clip(y, 0, alpha.shape[0] - 1)), int(np.clip(x, 0, alpha.shape[1] - 1))
        ].astype(np.float32)
        tone = np.float32(np.exp(rng.normal(0, 0.2)))
        lean, bend = rng.normal(0, style.lean), rng.normal(0, style.bend)
        low, high = style.length
        length = size * (low + (high - low) * rng.random() ** 1.5)
        for _ in range(int(rng.integers(*style.strands, endpoint=True))):
            path = _strand_path(rng, way + lean, bend, length, style)
            start = rng.normal(0, 0.02 * size, 2) + np.array([columns[root], rows[root]])
            shade = np.clip(color * tone * np.float32(np.exp(rng.normal(0, 0.08))), 0, 255)
            width = 1 if size < 250 or rng.random() < 0.7 else 2
            _draw_line(paint, path + start, shade, float(rng.uniform(*style.opacity)), width)
    return _put_behind(colors, alpha, paint, rng.random() < 0.7)


def _find_roots(
    alpha: Float, head: Box, region: str, size: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows and columns on the outline, and the angle straight out of each."""
    solid = (alpha >= 0.5).astype(np.uint8)
    rim = solid - cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=1)
    middle = head.left + head.width / 2
    top, down = max(0, head.top - round(0.1 * size)), head.top + head.height
    bands = {
        "crown": (top, head.top + 0.6 * head.height, 0.7),
        "sides": (head.top + 0.15 * head.height, down, 0.8),
        "chin": (head.top + 0.6 * head.height, down + 0.15 * head.height, 0.6),
        "shoulders": (head.top + 0.85 * head.height, down + 0.7 * head.height, 1.6),
        "all": (top, down, 0.8),
    }
    first, last, half = bands[region]
    rows, columns = np.nonzero(rim)
    near = (rows >= first) & (rows <= last) & (np.abs(columns - middle) <= half * head.width)
    # Where the frame cuts the person off, no hair grows.
    inside = (rows > 2) & (rows < alpha.shape[0] - 3)
    inside &= (columns > 2) & (columns < alpha.shape[1] - 3)
    rows, columns = rows[near & inside], columns[near & inside]
    blurred = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), max(1.5, 0.04 * size))
    down_slope = cv2.Sobel(blurred, cv2.CV_32F, 0, 1)
    across_slope = cv2.Sobel(blurred, cv2.CV_32F, 1, 0)
    angle = np.arctan2(-down_slope[rows, columns], -across_slope[rows, columns])
    return rows, columns, angle.astype(np.float64)


def _strand_path(
    rng: Rng, way: float, bend: float, length: float, style: StrandStyle
) -> NDArray[np.float64]:
    """Points (n, 2) of a strand as (x, y) from its root."""
    along = np.linspace(0, 1, _STEPS)
    angle = way + rng.normal(0, 0.12) + (bend + rng.normal(0, 0.15)) * along
    angle = angle + rng.uniform(*style.wave) * np.sin(
        2 * np.pi * (rng.uniform(*style.waves) * along + rng.random())
    )
    # Gravity turns the way to straight down, by the shorter side.
    to_down = (np.pi / 2 - angle + np.pi) % (2 * np.pi) - np.pi
    angle = angle + style.fall * np.sqrt(along) * to_down
    step = length * rng.uniform(0.6, 1.1) / _STEPS
    steps = np.stack([np.cos(angle), np.sin(angle)], 1) * step
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def _draw_line(
    paint: NDArray[np.float32],
    points: NDArray[np.float64],
    color: Float,
    opacity: float,
    width: int,
) -> None:
    """Draw a strand that gets fainter to its end, over what is painted already, in place."""
    height, columns = paint.shape[:2]
    low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 3, 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 4, (columns, height))
    if (high <= low).any():
        return
    cover = np.zeros((int(high[1] - low[1]), int(high[0] - low[0])), np.float32)
    line = np.zeros(cover.shape, np.uint8)
    fixed = np.rint((points - low) * 2**_FINE_BITS).astype(np.int32)
    ends = np.linspace(0, len(points) - 1, _PARTS + 1).astype(int)
    for part, (start, stop) in enumerate(pairwise(ends)):
        line[:] = 0
        thick = max(1, width - part)
        cv2.polylines(line, [fixed[start : stop + 1]], False, 255, thick, cv2.LINE_AA, _FINE_BITS)
        fade = np.float32(opacity * (1 - 0.3 * part) / 255)
        np.maximum(cover, line * fade, out=cover)
    here = paint[low[1] : high[1], low[0] : high[0]]
    rest = 1 - cover[..., None]
    here *= rest
    here[..., :3] += cover[..., None] * color
    here[..., 3] += cover


def _put_behind(
    colors: RGB, alpha: Float, paint: NDArray[np.float32], behind: bool
) -> tuple[RGB, Float]:
    """Join the person and the strands, which are behind or before her."""
    own = alpha[..., None]
    strand = paint[..., 3:]
    mine = colors * own
    if behind:
        mixed, whole = mine + (1 - own) * paint[..., :3], own + (1 - own) * strand
    else:
        mixed, whole = paint[..., :3] + (1 - strand) * mine, strand + (1 - strand) * own
    found = whole[..., 0] > 1e-4
    made = colors.astype(np.float32)
    np.divide(mixed, whole, out=made, where=found[..., None])
    return np.rint(np.clip(made, 0, 255)).astype(np.uint8), np.asarray(whole[..., 0], np.float32)
