"""Disparity maps of rectified pairs, and operations on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...canvas import resize
from ...errors import InputError
from ...types import RGB, Float, Mask

LEFT_RIGHT_TOLERANCE_PX = 1.0
"""Largest difference, in pixels, of the disparities of both views at one point."""


@dataclass(frozen=True)
class Disparity:
    """The disparity map of one view of a rectified pair.

    Parameters
    ----------
    pixels : ndarray
        Disparity x_left - x_right in pixels of this view, float32 (h, w), finite. Unmatched
        pixels hold the matcher's best guess.
    prob : ndarray
        Probability that a value is right, float32 (h, w) in [0, 1]; 0 where nothing was matched.

    Raises
    ------
    InputError
        For maps of another type, size or range.
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
        """A map of `shape` (h, w) in which nothing is matched."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def resized(self, shape: tuple[int, int]) -> Disparity:
        """The map of the view resized to `shape` (h, w), in pixels of the resized view.

        Unmatched values do not mix with matched ones.
        """
        if shape == self.shape:
            return self
        known = (self.prob > 0).astype(np.float32)
        share = resize(known, shape)
        mixed = resize(self.pixels * known, shape) / np.maximum(share, np.float32(1e-6))
        pixels = np.where(share > 0, mixed, resize(self.pixels, shape))
        prob = np.where(share >= 0.5, np.clip(resize(self.prob, shape), 0, 1), 0)
        width_factor = np.float32(shape[1] / self.shape[1])
        return Disparity((pixels * width_factor).astype(np.float32), prob.astype(np.float32))

    def mirrored(self) -> Disparity:
        """The map of the horizontally flipped view."""
        return Disparity(
            *(np.ascontiguousarray(plane[:, ::-1]) for plane in (self.pixels, self.prob))
        )


class StereoMatcher(Protocol):
    """A function that matches a rectified pair: left and right view -> disparity of the left."""

    def __call__(self, left: RGB, right: RGB, max_disparity: float | None = None) -> Disparity:
        """Match one pair.

        Parameters
        ----------
        left, right : ndarray
            Views of one size, uint8 (h, w, 3).
        max_disparity : float, optional
            Largest disparity to expect, in pixels; unknown if not given.

        Returns
        -------
        Disparity
            Of the left view, (h, w), with values of at least 0.
        """
        ...


def flip_view(view: RGB) -> RGB:
    """The view flipped horizontally."""
    return np.ascontiguousarray(view[:, ::-1])


def shift_view(view: RGB, offset_px: int) -> RGB:
    """The view moved to the right by `offset_px` pixels, its border repeated."""
    columns = (np.arange(view.shape[1]) - offset_px).clip(0, view.shape[1] - 1)
    return view[:, columns] if offset_px else view


def match_right(
    matcher: StereoMatcher, left: RGB, right: RGB, max_disparity: float | None = None
) -> Disparity:
    """Match a pair for the disparity of the right view, with a matcher for the left.

    Both views are flipped and exchanged, which makes the right view a left one.
    """
    return matcher(flip_view(right), flip_view(left), max_disparity).mirrored()


def warp_right_to_left(left: Float, right: NDArray[Any], fill_value: Any) -> NDArray[Any]:
    """Warp a map of the right view to the left view.

    Parameters
    ----------
    left : ndarray
        Disparity of the left view, float32 (h, w).
    right : ndarray
        A map of the right view, (h, w).
    fill_value
        Value where a disparity points outside the right view.

    Returns
    -------
    ndarray
        (h, w), of the type of `right`.
    """
    width = left.shape[1]
    target = np.rint(np.arange(width, dtype=np.float32) - left).astype(np.intp)
    warped = np.take_along_axis(right, target.clip(0, width - 1), axis=1)
    return np.where((target < 0) | (target >= width), right.dtype.type(fill_value), warped)


def left_right_difference(left: Float, right: Float) -> Float:
    """Difference of the disparities of both views at the same point.

    Parameters
    ----------
    left, right : ndarray
        Disparity of each view, float32 (h, w).

    Returns
    -------
    ndarray
        Absolute difference in pixels, float32 (h, w) of the left view; infinity where the
        disparity points outside the right view.
    """
    return np.asarray(np.abs(left - warp_right_to_left(left, right, np.inf)), np.float32)


def occlusion_mask(left: Float, covered: Mask | None = None) -> Mask:
    """Find pixels of the left view that the right view cannot see.

    A pixel is occluded when a pixel farther to the right lands at the same place or farther left
    in the right view. Pixels that land outside the right view count too.

    Parameters
    ----------
    left : ndarray
        Disparity of the left view, float32 (h, w).
    covered : ndarray, optional
        Where the right view holds picture content, boolean (h, w); everywhere if not given.

    Returns
    -------
    ndarray
        Boolean (h, w).
    """
    width = left.shape[1]
    landing = np.arange(width, dtype=np.float32) - left
    leftmost = np.minimum.accumulate(landing[:, ::-1], axis=1)[:, ::-1]
    occluded = ~warp_right_to_left(
        left, np.ones(left.shape, bool) if covered is None else covered, False
    )
    occluded[:, :-1] |= landing[:, :-1] >= leftmost[:, 1:]
    return occluded


def fill_disparity_holes(pixels: Float, known: Mask) -> Float:
    """Fill unknown disparities from their row.

    Each hole gets the smaller of the nearest known values to its left and right, because occluded
    pixels mostly belong to the background. A row without known values is copied from the nearest
    row above that has some, or below if there is none above.

    Parameters
    ----------
    pixels : ndarray
        Disparity, float32 (h, w).
    known : ndarray
        Where it is known, boolean (h, w).

    Returns
    -------
    ndarray
        float32 (h, w); 0 everywhere if nothing is known.
    """
    if not known.any():
        return np.zeros_like(pixels)
    height, width = pixels.shape
    columns = np.arange(width)
    before = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, columns, width)[:, ::-1], axis=1)[:, ::-1]
    sides = (
        np.where(exists, np.take_along_axis(pixels, column, axis=1), np.inf)
        for exists, column in (
            (before >= 0, before.clip(0)),
            (after < width, after.clip(0, width - 1)),
        )
    )
    filled = np.minimum(*sides)
    rows = np.flatnonzero(known.any(axis=1))
    nearest = rows[np.searchsorted(rows, np.arange(height), side="right").clip(1) - 1]
    return np.where(known, pixels, filled[nearest]).astype(np.float32)
