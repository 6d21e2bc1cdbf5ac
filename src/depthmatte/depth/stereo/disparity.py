"""Disparity: how far apart two rectified views show the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...canvas import resize
from ...errors import InputError
from ...types import RGB, Float, Mask

LEFT_RIGHT_TOLERANCE_PX = 1.0
"""Pixels by which the disparities of both views may differ and still agree."""


@dataclass(frozen=True)
class Disparity:
    """`pixels` float32 (h, w), finite: x_left - x_right in pixels of the view it belongs to.

    `prob` float32 (h, w) in [0, 1] is the chance that a value is right, 0 where nothing was
    matched; there `pixels` holds the best guess a matcher has.
    """

    pixels: Float
    prob: Float

    def __post_init__(self) -> None:
        for name, values in (("disparity", self.pixels), ("disparity probability", self.prob)):
            if values.ndim != 2 or values.dtype != np.float32 or not values.size:
                raise InputError(f"{name} must be float32 (h, w), got {values.dtype}")
            if not np.isfinite(values).all():
                raise InputError(f"{name} must be finite")
        if self.pixels.shape != self.prob.shape:
            raise InputError(f"disparity {self.pixels.shape} and {self.prob.shape} differ in size")
        if self.prob.min() < 0 or self.prob.max() > 1:
            raise InputError("disparity probability must lie in [0, 1]")

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Disparity:
        """Nothing matched."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def resized(self, shape: tuple[int, int]) -> Disparity:
        """The same on a picture resized to `shape`, counted in its pixels.

        Unmatched values are never mixed into matched ones.
        """
        if shape == self.shape:
            return self
        known = (self.prob > 0).astype(np.float32)
        share = resize(known, shape)
        mixed = resize(self.pixels * known, shape) / np.maximum(share, np.float32(1e-6))
        pixels = np.where(share > 0, mixed, resize(self.pixels, shape))
        prob = np.where(share >= 0.5, np.clip(resize(self.prob, shape), 0, 1), 0)
        wider = np.float32(shape[1] / self.shape[1])
        return Disparity((pixels * wider).astype(np.float32), prob.astype(np.float32))

    def mirrored(self) -> Disparity:
        """The same on the picture seen in a mirror."""
        return Disparity(*(np.ascontiguousarray(map[:, ::-1]) for map in (self.pixels, self.prob)))


class StereoMatcher(Protocol):
    """Matches a rectified pair: two uint8 (h, w, 3) of one size -> the left view's Disparity.

    Values are >= 0. `reach` is the largest disparity to expect, in pixels; None: unknown.
    """

    def __call__(self, left: RGB, right: RGB, max_disparity: float | None = None) -> Disparity:
        """Match one pair."""
        ...


def flip_view(view: RGB) -> RGB:
    """The picture seen in a mirror."""
    return np.ascontiguousarray(view[:, ::-1])


def shift_view(view: RGB, offset_px: int) -> RGB:
    """The picture moved `by` pixels to the right, its border repeated."""
    columns = (np.arange(view.shape[1]) - offset_px).clip(0, view.shape[1] - 1)
    return view[:, columns] if offset_px else view


def match_right(
    matcher: StereoMatcher, left: RGB, right: RGB, max_disparity: float | None = None
) -> Disparity:
    """The right view's disparity: in a mirror it is the left one (SPEC row A9)."""
    return matcher(flip_view(right), flip_view(left), max_disparity).mirrored()


def warp_right_to_left(left: Float, right: NDArray[Any], fill_value: Any) -> NDArray[Any]:
    """What `right` (h, w) of the right view holds where the left one's disparities point.

    `outside` stands where they point beside the view.
    """
    width = left.shape[1]
    target = np.rint(np.arange(width, dtype=np.float32) - left).astype(np.intp)
    there = np.take_along_axis(right, target.clip(0, width - 1), axis=1)
    return np.where((target < 0) | (target >= width), right.dtype.type(fill_value), there)


def left_right_difference(left: Float, right: Float) -> Float:
    """By how many pixels the right view disagrees at the place the left one points at.

    Both are disparities (h, w) of their own view; infinity where it points outside.
    """
    return np.asarray(np.abs(left - warp_right_to_left(left, right, np.inf)), np.float32)


def occlusion_mask(left: Float, covered: Mask | None = None) -> Mask:
    """Boolean (h, w): what the right view cannot see, by the left one's disparities alone.

    A pixel is hidden when one farther right, and so nearer, lands at its place or beyond in
    the right view, or when it lands outside that view or where `covered` (h, w) is False.
    """
    width = left.shape[1]
    landing = np.arange(width, dtype=np.float32) - left
    nearest = np.minimum.accumulate(landing[:, ::-1], axis=1)[:, ::-1]
    lost = ~warp_right_to_left(
        left, np.ones(left.shape, bool) if covered is None else covered, False
    )
    lost[:, :-1] |= landing[:, :-1] >= nearest[:, 1:]
    return lost


def fill_disparity_holes(pixels: Float, known: Mask) -> Float:
    """Holes get the smaller of the nearest known disparities left and right in their row.

    What one view hides is background, so the farther neighbour is the likely one. Rows
    without any known value take the nearest row above, then below, that has one.
    """
    if not known.any():
        return np.zeros_like(pixels)
    height, width = pixels.shape
    columns = np.arange(width)
    before = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, columns, width)[:, ::-1], axis=1)[:, ::-1]
    sides = (
        np.where(there, np.take_along_axis(pixels, at, axis=1), np.inf)
        for there, at in ((before >= 0, before.clip(0)), (after < width, after.clip(0, width - 1)))
    )
    filled = np.minimum(*sides)
    rows = np.flatnonzero(known.any(axis=1))
    nearest = rows[np.searchsorted(rows, np.arange(height), side="right").clip(1) - 1]
    return np.where(known, pixels, filled[nearest]).astype(np.float32)
