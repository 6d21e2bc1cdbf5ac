"""Corruptions of mattes and depth maps: errors that networks and sensors make.

Maps are float32 (h, w) in [0, 1], as `Matte` and `Depth` have them; every function takes a
NumPy generator first.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...filters import fill_nearest
from ...types import Float
from ...values import Matte
from ..types import Rng
from .options import DEFAULT_CORRUPTION, Corruption, Span


def wrong_depth(
    rng: Rng, d: Float, prob: Float, how: Corruption = DEFAULT_CORRUPTION
) -> tuple[Float, Float, float]:
    """Depth upside down, mirrored, constant or made up, and where the subject seems to be."""
    kind = rng.integers(4)
    if kind == 0:
        d, prob = d[::-1], prob[::-1]
    elif kind == 1:
        d, prob = d[:, ::-1], prob[:, ::-1]
    elif kind == 2:
        d, prob = (
            np.full_like(d, rng.random()),
            np.full_like(prob, rng.uniform(*how.wrong_probability)),
        )
    else:
        rows, columns = (int(rng.integers(*how.wrong_grid, endpoint=True)) for _ in range(2))
        rough = rng.random((rows, columns)).astype(np.float32)
        d = np.clip(cv2.resize(rough, d.shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
        prob = np.full_like(prob, rng.uniform(*how.wrong_probability))
    return np.ascontiguousarray(d), np.ascontiguousarray(prob), float(rng.random())


def drop_regions(
    rng: Rng, matte: Matte, how: Corruption = DEFAULT_CORRUPTION
) -> tuple[Float, Float]:
    """Cut ovals and bars out of some mattes, as a network misses limbs and bags."""
    if rng.random() >= how.drop_chance or not (matte.alpha > 0.5).any():
        return matte.alpha, matte.prob
    rows, columns = np.nonzero(matte.alpha > 0.5)
    hole = _ovals(rng, rows, columns, np.sqrt(rows.size), matte.alpha.shape, how)
    left = np.float32(rng.choice(how.dropped_rest))
    keep = 1 - hole * (1 - left)
    return matte.alpha * keep, matte.prob * keep


def add_false_positives(
    rng: Rng,
    alpha: Float,
    prob: Float,
    truth: Float,
    how: Corruption = DEFAULT_CORRUPTION,
) -> tuple[Float, Float]:
    """Add ovals just outside some people, as a network takes in people behind."""
    size = np.sqrt(float((truth > 0.5).sum()))
    if rng.random() >= how.false_positive_chance or size < 1:
        return alpha, prob
    side = 2 * max(1, round(how.false_positive_reach * size)) + 1
    around = cv2.dilate((truth > 0.5).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    rows, columns = np.nonzero(around & (truth < 0.5))
    if not rows.size:
        return alpha, prob
    extra = _ovals(rng, rows, columns, size, alpha.shape, how) * (1 - truth)
    high = extra * np.float32(rng.uniform(*how.false_positive_alpha))
    sure = high * np.float32(rng.uniform(*how.false_positive_certainty))
    return np.maximum(alpha, high), np.maximum(prob, sure)


def crop_field_of_view(rng: Rng, prob: Float, how: Corruption = DEFAULT_CORRUPTION) -> Float:
    """Depth probability of a camera that sees a part of the photo: 0 beyond up to four edges."""
    height, width = prob.shape
    top, bottom = _edges(rng, height, how)
    left, right = _edges(rng, width, how)
    seen = np.zeros_like(prob)
    seen[top:bottom, left:right] = prob[top:bottom, left:right]
    return seen


def _edges(rng: Rng, side: int, how: Corruption) -> tuple[int, int]:
    """First and last pixel seen along a side; at least `how.least_seen` of it lies between."""
    low, high = (
        rng.uniform(0, how.cropped_edge) * (rng.random() < how.cropped_edge_chance)
        for _ in range(2)
    )
    return round(side * max(0.0, min(low, 1 - how.least_seen - high))), round(side * (1 - high))


def misplace_depth(
    rng: Rng,
    d: Float,
    prob: Float,
    truth: Float,
    how: Corruption = DEFAULT_CORRUPTION,
) -> tuple[Float, Float]:
    """Put part of the subject at the depth of what is behind, as estimates do; surely or not.

    Often limbs, where people are narrow, at the depth next to them, else a shoulder
    or the like.
    """
    rows, columns = np.nonzero(truth > 0.5)
    outside = d[truth < 0.05]
    if not rows.size or not outside.size:
        return d, prob
    size = np.sqrt(rows.size)
    if rng.random() < how.limb_share:
        wrong = _limbs(rng, truth, size, how)
        far: Float = fill_nearest(d, truth < 0.05)
    else:
        wrong = _ovals(rng, rows, columns, size, d.shape, how, how.misplaced_axes)
        percentile = rng.uniform(*how.misplaced_percentile)
        far = np.full_like(d, np.percentile(outside, percentile))
    # Estimates that fail fade from right to wrong; they seldom step there.
    sigma = rng.uniform(*how.misplaced_blur)
    wrong = np.asarray(cv2.GaussianBlur(wrong, (0, 0), sigma), np.float32)
    doubt = np.float32(rng.uniform(0, how.misplaced_doubt))
    return d + wrong * (far - d), prob * (1 - wrong * doubt)


def _limbs(rng: Rng, truth: Float, size: float, how: Corruption = DEFAULT_CORRUPTION) -> Float:
    """1 on some of the places where the subject is narrow, and a little around them."""
    solid = (truth > 0.5).astype(np.uint8)
    width = 2 * round(size * rng.uniform(*how.limb_width) / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    narrow = cv2.morphologyEx(solid, cv2.MORPH_TOPHAT, disc)
    count, label, stats, _ = cv2.connectedComponentsWithStats(narrow)
    large = stats[:, cv2.CC_STAT_AREA] >= how.least_limb_area * size**2
    chosen = large & (rng.random(count) < how.limb_chance)
    chosen[0] = False
    around = cv2.dilate(chosen[label].astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(around, np.float32)


def _ovals(
    rng: Rng,
    rows: NDArray[Any],
    columns: NDArray[Any],
    size: float,
    shape: tuple[int, ...],
    how: Corruption,
    axes: Span | None = None,
) -> Float:
    """Some soft ovals about points among (rows, columns).

    Their half `axes`, else those of `how`, are shares of a person's `size`.
    """
    drawn: Any = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(*how.oval_count, endpoint=True))):
        spot = int(rng.integers(rows.size))
        half = [max(2, round(size * share)) for share in rng.uniform(*(axes or how.oval_axes), 2)]
        center = (int(columns[spot]), int(rows[spot]))
        cv2.ellipse(drawn, center, half, rng.uniform(0, 180), 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), rng.uniform(*how.oval_blur)), np.float32)
