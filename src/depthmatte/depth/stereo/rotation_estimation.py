"""Estimate the small rotations of two cameras that bring matched points into equal rows."""

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
"""Assumed focal length, in longer sides of the picture: between a phone's and a 50 mm lens's."""

_PRIOR_STD = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
"""Usual size of the five angles in radians, and of the log ratio of focal lengths."""

_MAX_ROTATION_RAD = 0.6
"""Largest angle in radians. Beyond it the points matched by chance."""

_MAX_ITERATIONS = 30
"""Number of Gauss-Newton steps at most."""

_Vector = NDArray[np.float64]


def estimate_rotations(
    left: tuple[int, int], right: tuple[int, int], found: KeypointMatches
) -> tuple[tuple[Camera, Camera], tuple[Matrix, Matrix]]:
    """Estimate rotations that rectify an uncalibrated pair.

    Parameters
    ----------
    left, right : tuple of int
        (h, w) of the views.
    found : KeypointMatches
        Matches of the views.

    Returns
    -------
    cameras : tuple of Camera
        Left and right camera, with an assumed focal length.
    rotations : tuple of ndarray
        Rotations of both cameras to their common frame, float64 (3, 3).

    Raises
    ------
    InputError
        Where no small rotation brings the matches into equal rows.
    """
    cameras = _assumed_camera(left), _assumed_camera(right)
    rays = _rays(cameras[0], found.left), _rays(cameras[1], found.right)
    focal = cameras[0].fx
    with np.errstate(all="ignore"):  # values that are not finite are rejected below
        try:
            parameters = _solve(rays, focal, found.pixel_size)
        except np.linalg.LinAlgError:
            parameters = np.full(6, np.nan)
        offsets = np.abs(_row_offsets(parameters, rays) * focal) / found.pixel_size
    if not (
        np.abs(parameters[:5]).max() <= _MAX_ROTATION_RAD
        and np.median(offsets) <= ROW_TOLERANCE_PX / 2
    ):
        raise InputError(
            "stereo: the rows of both views cannot be brought together; "
            "give a rectified pair or a calibration"
        )
    focal_ratio = np.exp(parameters[5])
    right_camera = replace(
        cameras[1], fx=cameras[1].fx * focal_ratio, fy=cameras[1].fy * focal_ratio
    )
    return (cameras[0], right_camera), _rotations(parameters)


def _assumed_camera(shape: tuple[int, int]) -> Camera:
    """A camera of usual focal length, for pictures of `shape`."""
    focal = _ASSUMED_FOCAL_SIDES * max(shape)
    return Camera(shape, focal, focal, (shape[1] - 1) / 2, (shape[0] - 1) / 2)


def _rays(camera: Camera, points: _Vector) -> _Vector:
    """Directions (n, 3) of pixels (n, 2) in the camera's frame."""
    return camera.unproject(points, np.ones(len(points)))


def _rotations(parameters: _Vector) -> tuple[Matrix, Matrix]:
    """Rotations of the left and right camera.

    The parameters are left y, left z, right x, right y, right z (angles in radians) and the log
    ratio of focal lengths. The left camera is not rotated about x, because that would move the
    rows of both views alike.
    """
    left, right = (cv2.Rodrigues(np.array(v))[0] for v in ([0, *parameters[:2]], parameters[2:5]))
    return np.asarray(left, float), np.asarray(right, float)


def _row_offsets(parameters: _Vector, rays: tuple[_Vector, _Vector]) -> _Vector:
    """y_left - y_right of each match after rotation, for focal length 1; float64 (n,)."""
    scaled = rays[1] * (np.exp(-parameters[5]), np.exp(-parameters[5]), 1)
    left, right = (
        points @ rotation.T
        for points, rotation in zip((rays[0], scaled), _rotations(parameters), strict=True)
    )
    return np.asarray(left[:, 1] / left[:, 2] - right[:, 1] / right[:, 2])


def _solve(rays: tuple[_Vector, _Vector], focal: float, pixel_size: float) -> _Vector:
    """Minimize the row offsets by Gauss-Newton, with less weight for large offsets."""
    parameters = np.zeros(6)
    unit = focal / pixel_size  # converts offsets to pixels of the detection
    for _ in range(_MAX_ITERATIONS):
        offsets = _row_offsets(parameters, rays) * unit
        weight = 1 / np.maximum(1, np.abs(offsets))
        jacobian = np.stack(
            [
                (_row_offsets(parameters + step, rays) * unit - offsets) / 1e-6
                for step in 1e-6 * np.eye(6)
            ],
            axis=1,
        )
        # A parameter of its usual size costs as much as one match that is off by one pixel.
        normal = jacobian.T @ (weight[:, None] * jacobian) + np.diag(1 / _PRIOR_STD**2)
        gradient = jacobian.T @ (weight * offsets) + parameters / _PRIOR_STD**2
        change = np.linalg.solve(normal, gradient)
        parameters = parameters - np.clip(change, -0.2, 0.2)
        if np.abs(change).max() < 1e-7:
            break
    return parameters
