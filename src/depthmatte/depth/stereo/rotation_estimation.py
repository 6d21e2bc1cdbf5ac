"""The small turns of two cameras that bring matched points into equal rows."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...errors import InputError
from ...lens_distortion import Matrix
from .keypoints import ROW_TOLERANCE_PX, KeypointMatches

_ASSUMED_FOCAL_SIDES = 1.1
"""Focal length assumed, in longer sides of the picture: between a phone's and a 50 mm lens's."""

_PRIOR_STD = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
"""How large turns (radian) and the difference in zoom (ratio) usually are: keeps both small."""

_MAX_ROTATION_RAD = 0.6
"""Radian; a larger turn means that the points matched by chance."""

_MAX_ITERATIONS = 30

_Vector = NDArray[np.float64]


def estimate_rotations(
    left: tuple[int, int], right: tuple[int, int], found: KeypointMatches
) -> tuple[tuple[Camera, Camera], tuple[Matrix, Matrix]]:
    """Cameras of both views, assumed, and the rotations (3, 3) into their common frame.

    `left` and `right` are the views' (h, w). Raises InputError where rows do not agree
    after any small turn.
    """
    cameras = _assumed_camera(left), _assumed_camera(right)
    rays = _rays(cameras[0], found.left), _rays(cameras[1], found.right)
    focal = cameras[0].fx
    with np.errstate(all="ignore"):  # what is no number is refused below
        try:
            turns = _solve(rays, focal, found.pixel_size)
        except np.linalg.LinAlgError:
            turns = np.full(6, np.nan)
        off = np.abs(_row_offsets(turns, rays) * focal) / found.pixel_size
    if not (
        np.abs(turns[:5]).max() <= _MAX_ROTATION_RAD and np.median(off) <= ROW_TOLERANCE_PX / 2
    ):
        raise InputError(
            "stereo: the rows of both views cannot be brought together; "
            "give a rectified pair or a calibration"
        )
    zoomed = replace(
        cameras[1], fx=cameras[1].fx * np.exp(turns[5]), fy=cameras[1].fy * np.exp(turns[5])
    )
    return (cameras[0], zoomed), _rotations(turns)


def _assumed_camera(shape: tuple[int, int]) -> Camera:
    focal = _ASSUMED_FOCAL_SIDES * max(shape)
    return Camera(shape, focal, focal, (shape[1] - 1) / 2, (shape[0] - 1) / 2)


def _rays(camera: Camera, points: _Vector) -> _Vector:
    """Pixels (n, 2) -> directions (n, 3) in the camera's frame."""
    return camera.unproject(points, np.ones(len(points)))


def _rotations(turns: _Vector) -> tuple[Matrix, Matrix]:
    """(left y, left z, right x, right y, right z, zoom) -> both rotations.

    The left view is not turned about x: rows would agree just as well.
    """
    left, right = (cv2.Rodrigues(np.array(v))[0] for v in ([0, *turns[:2]], turns[2:5]))
    return np.asarray(left, float), np.asarray(right, float)


def _row_offsets(turns: _Vector, rays: tuple[_Vector, _Vector]) -> _Vector:
    """y_left - y_right of every match after the turns, for focal length 1; float64 (n,)."""
    zoomed = rays[1] * (np.exp(-turns[5]), np.exp(-turns[5]), 1)
    left, right = (
        points @ turn.T for points, turn in zip((rays[0], zoomed), _rotations(turns), strict=True)
    )
    return np.asarray(left[:, 1] / left[:, 2] - right[:, 1] / right[:, 2])


def _solve(rays: tuple[_Vector, _Vector], focal: float, pixel: float) -> _Vector:
    """Gauss-Newton on the rows, with less weight for matches that stay off."""
    turns = np.zeros(6)
    unit = focal / pixel  # rows in pixels of the search
    for _ in range(_MAX_ITERATIONS):
        off = _row_offsets(turns, rays) * unit
        weight = 1 / np.maximum(1, np.abs(off))
        slopes = np.stack(
            [(_row_offsets(turns + step, rays) * unit - off) / 1e-6 for step in 1e-6 * np.eye(6)],
            axis=1,
        )
        # A turn of its usual size costs as much as one match a pixel off.
        normal = slopes.T @ (weight[:, None] * slopes) + np.diag(1 / _PRIOR_STD**2)
        change = np.linalg.solve(normal, slopes.T @ (weight * off) + turns / _PRIOR_STD**2)
        turns = turns - np.clip(change, -0.2, 0.2)
        if np.abs(change).max() < 1e-7:
            break
    return turns
