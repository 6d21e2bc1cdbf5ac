"""Lens distortion models on normalized image coordinates x / z and y / z.

- `brown-conrady` (ROS: plumb_bob and rational_polynomial): Brown, "Decentering Distortion of
  Lenses", 1966, with coefficients in the order of OpenCV: k1, k2, p1, p2[, k3[, k4, k5, k6]].
- `equidistant` (fisheye): Kannala and Brandt, "A generic camera model and calibration method",
  2006. A ray at the angle t to the axis lands at t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Matrix = NDArray[np.float64]
LensModel = Literal["brown-conrady", "equidistant"]

COEFFICIENT_COUNTS: dict[str, tuple[int, ...]] = {
    "brown-conrady": (0, 4, 5, 8),
    "equidistant": (0, 4),
}
"""Model -> allowed numbers of coefficients."""

_MAX_FISHEYE_ANGLE = np.deg2rad(85.0)
"""Largest angle to the axis of a fisheye ray, because x / z grows without bound."""

_ANGLES = 32
"""Number of directions in which a lens with tangential distortion is tested for its fold."""


def has_distortion(distortion: tuple[float, ...], model: LensModel = "brown-conrady") -> bool:
    """Return whether the lens differs from a pinhole. A fisheye always does."""
    return model == "equidistant" or any(distortion)


def distort_points(
    x: Floats, y: Floats, distortion: tuple[float, ...], model: LensModel = "brown-conrady"
) -> tuple[Floats, Floats]:
    """Distort normalized image coordinates.

    Parameters
    ----------
    x, y : ndarray
        x / z and y / z, float32 or float64 of one shape.
    distortion : tuple of float
        Coefficients of the model.
    model : {"brown-conrady", "equidistant"}
        The lens model.

    Returns
    -------
    x, y : ndarray
        Distorted coordinates of the same shape and type. Infinite or NaN where they overflow.
    """
    if not has_distortion(distortion, model):
        return x, y
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if model == "equidistant":
            gain = _fisheye_gain(np.hypot(x, y), distortion)
            return x * gain, y * gain
        return _brown(x, y, distortion)


def undistort_points(
    x: Matrix, y: Matrix, distortion: tuple[float, ...], model: LensModel = "brown-conrady"
) -> tuple[Matrix, Matrix]:
    """Undistort normalized image coordinates: the inverse of `distort_points`.

    Brown-Conrady is inverted by Newton's method, the fisheye by bisection.

    Returns
    -------
    x, y : ndarray
        float64 of the same shape. NaN where the model is not invertible.
    """
    if not has_distortion(distortion, model):
        return x, y
    x, y = np.asarray(x, float), np.asarray(y, float)
    if model == "equidistant":
        return _fisheye_back(x, y, distortion)
    limit = min(max_ideal_radius(distortion), 1e3)
    u, v = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    # Each step works on the points that have not converged. Points beyond the lens never do.
    left = np.flatnonzero(np.hypot(x, y) <= _max_distorted_radius(distortion))
    px, py = x.ravel()[left], y.ravel()[left]
    gx, gy = px.copy(), py.copy()
    with np.errstate(all="ignore"):  # diverging points become NaN and stay NaN
        for _ in range(21):
            seen_x, seen_y = _brown(gx, gy, distortion)
            off = np.hypot(seen_x - px, seen_y - py)
            good = off < 1e-6
            u.flat[left[good]], v.flat[left[good]] = gx[good], gy[good]
            rest = ~(off < 1e-12)
            if not rest.any():
                break
            left, px, py, gx, gy = left[rest], px[rest], py[rest], gx[rest], gy[rest]
            seen_x, seen_y = seen_x[rest], seen_y[rest]
            xx, xy, yy = _slopes(gx, gy, distortion)
            fold = xx * yy - xy * xy
            gx, gy = (
                gx - (yy * (seen_x - px) - xy * (seen_y - py)) / fold,
                gy - (xx * (seen_y - py) - xy * (seen_x - px)) / fold,
            )
            # Clip the step, because a point beyond the fold of the model would not return.
            back = np.minimum(1, limit / np.hypot(gx, gy))
            gx, gy = gx * back, gy * back
    return u, v


@lru_cache(maxsize=32)
def _max_distorted_radius(distortion: tuple[float, ...]) -> float:
    """Return the distorted radius beyond which a Brown-Conrady lens has no rays, or infinity."""
    limit = max_ideal_radius(distortion)
    if not np.isfinite(limit):
        return np.inf
    turn = np.linspace(0, 2 * np.pi, 256)
    edge = _brown(limit * np.cos(turn), limit * np.sin(turn), distortion)
    return float(np.hypot(*edge).max()) * 1.01


@lru_cache(maxsize=32)
def max_ideal_radius(distortion: tuple[float, ...], model: LensModel = "brown-conrady") -> float:
    """Return the undistorted radius up to which a lens model is one to one, or infinity."""
    if model == "equidistant":
        return float(np.tan(min(_fisheye_fold(distortion), _MAX_FISHEYE_ANGLE)))
    if not any(distortion):
        return np.inf
    radius = np.linspace(0, 8, 8001)
    with np.errstate(all="ignore"):
        radial = tuple(k if i not in (2, 3) else 0.0 for i, k in enumerate(distortion))
        grown = np.diff(np.asarray(_brown(radius, np.zeros_like(radius), radial)[0]))
        fine = grown > 0
        if any(distortion[2:4]):
            turn = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)[:, None]
            place = radius[1:] * np.cos(turn), radius[1:] * np.sin(turn)
            xx, xy, yy = _slopes(*place, distortion)
            fine &= ((xx > 0) & (xx * yy - xy * xy > 0)).all(axis=0)
    falls = np.flatnonzero(~fine)
    return float(radius[falls[0]]) if falls.size else np.inf


def rotate_coefficients(
    distortion: tuple[float, ...], model: LensModel, permutation: NDArray[np.int_]
) -> tuple[float, ...]:
    """Return the coefficients for a picture that is turned by a signed permutation (2, 2)."""
    if not distortion or model == "equidistant":
        return distortion
    # Tangential distortion turns like the vector (p2, p1).
    p2, p1 = permutation @ (distortion[3], distortion[2])
    return (*distortion[:2], float(p1), float(p2), *distortion[4:])


def is_same_distortion(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether coefficients are equal; missing ones are 0."""
    return _pad_coefficients(one) == _pad_coefficients(other)


def _brown(x: Floats, y: Floats, distortion: tuple[float, ...]) -> tuple[Floats, Floats]:
    k1, k2, p1, p2, k3, k4, k5, k6 = _pad_coefficients(distortion)
    r2 = x * x + y * y
    gain = ((k3 * r2 + k2) * r2 + k1) * r2 + 1
    if k4 or k5 or k6:
        gain = gain / (((k6 * r2 + k5) * r2 + k4) * r2 + 1)
    if not p1 and not p2:
        return x * gain, y * gain
    # The tangential part is 2 (q . x) x + |x|^2 q with q = (p2, p1): q turns like a vector.
    gain = gain + 2 * (p2 * x + p1 * y)
    return x * gain + p2 * r2, y * gain + p1 * r2


def _slopes(x: Matrix, y: Matrix, distortion: tuple[float, ...]) -> tuple[Matrix, Matrix, Matrix]:
    """Return d x'/dx, d x'/dy = d y'/dx and d y'/dy of `_brown`, which is a gradient field."""
    k1, k2, p1, p2, k3, k4, k5, k6 = _pad_coefficients(distortion)
    r2 = x * x + y * y
    above, below = ((k3 * r2 + k2) * r2 + k1) * r2 + 1, ((k6 * r2 + k5) * r2 + k4) * r2 + 1
    gain = above / below
    rise = ((3 * k3 * r2 + 2 * k2) * r2 + k1 - gain * ((3 * k6 * r2 + 2 * k5) * r2 + k4)) / below
    xx = gain + 2 * x * x * rise + 6 * p2 * x + 2 * p1 * y
    yy = gain + 2 * y * y * rise + 2 * p2 * x + 6 * p1 * y
    return xx, 2 * x * y * rise + 2 * p1 * x + 2 * p2 * y, yy


def _fisheye_radius(angle: Floats, distortion: tuple[float, ...]) -> Floats:
    """Return the distance from the axis, in focal lengths, of rays at `angle` (radians)."""
    k1, k2, k3, k4 = distortion or (0.0, 0.0, 0.0, 0.0)
    t2 = angle * angle
    return angle * ((((k4 * t2 + k3) * t2 + k2) * t2 + k1) * t2 + 1)


def _fisheye_gain(radius: Floats, distortion: tuple[float, ...]) -> Floats:
    landed = _fisheye_radius(np.arctan(radius), distortion)
    return np.where(radius > 0, landed / np.where(radius > 0, radius, 1), 1).astype(radius.dtype)


@lru_cache(maxsize=32)
def _fisheye_fold(distortion: tuple[float, ...]) -> float:
    """Return the angle up to which the fisheye radius grows, at most pi / 2."""
    angle = np.linspace(0, np.pi / 2, 9001)
    with np.errstate(over="ignore", invalid="ignore"):
        falls = np.flatnonzero(~(np.diff(_fisheye_radius(angle, distortion)) > 0))
    return float(angle[falls[0]]) if falls.size else np.pi / 2


def _fisheye_back(x: Matrix, y: Matrix, distortion: tuple[float, ...]) -> tuple[Matrix, Matrix]:
    """Undistort a fisheye by bisection, since its radius grows with the angle up to the fold."""
    limit = min(_fisheye_fold(distortion), _MAX_FISHEYE_ANGLE)
    landed = np.hypot(x, y)
    low, high = np.zeros_like(landed), np.full_like(landed, limit)
    for _ in range(52):
        middle = (low + high) / 2
        short = _fisheye_radius(middle, distortion) < landed
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    visible = landed <= float(_fisheye_radius(np.array(limit), distortion))
    gain = np.where(landed > 0, np.tan(low) / np.where(landed > 0, landed, 1), 1)
    gain = np.where(visible, gain, np.nan)
    return x * gain, y * gain


def _pad_coefficients(distortion: tuple[float, ...]) -> tuple[float, ...]:
    return (*distortion, *[0.0] * (8 - len(distortion)))
