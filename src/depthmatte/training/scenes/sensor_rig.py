"""The rig of photo camera and depth camera, with the calibration error of real rigs."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ..types import Rng
from .depth_sensor import DEPTH_SENSORS, DepthSensor

_ROTATION_ERROR_DEGREES = 0.2
"""Degrees, deviation about each axis: rgbd/office is 3 pixels off at a focal length of 525."""

_TRANSLATION_ERROR_METERS = 0.002
"""Meters, deviation along each axis."""


def draw_sensor_rig(
    rng: Rng, photo: Camera
) -> tuple[DepthSensor, Camera, Camera, dict[str, float]]:
    """A depth camera a few cm next to the photo's: sensor, as calibrated, as it is, the error."""
    sensor: DepthSensor = DEPTH_SENSORS[int(rng.integers(len(DEPTH_SENSORS)))]
    rows, columns = photo.shape
    upper, lower = np.arctan((np.array([0, rows - 1]) - photo.cy) / photo.fy)
    pitch, half = (upper + lower) / 2, (lower - upper) / 2
    wide = max(photo.cx, columns - 1 - photo.cx) / photo.fx
    covering = min(sensor.shape[0] / 2 / np.tan(half), sensor.shape[1] / 2 / wide) / 1.03
    sensor = replace(sensor, focal=float(min(sensor.focal, covering)))
    place = np.array(
        [rng.choice([-1, 1]) * rng.uniform(0.015, 0.06), rng.uniform(-0.01, 0.01), 0.0]
    )
    turn = _rotation_matrix(np.array([pitch, 0, 0]))
    wrong = rng.normal(0, np.radians(_ROTATION_ERROR_DEGREES), 3)
    moved = place + rng.normal(0, _TRANSLATION_ERROR_METERS, 3)
    height, width = sensor.shape
    camera = Camera(sensor.shape, sensor.focal, sensor.focal, (width - 1) / 2, (height - 1) / 2)
    calibrated = replace(camera, rotation=turn, translation=-turn @ place)
    off = _rotation_matrix(wrong) @ turn
    true = replace(camera, rotation=off, translation=-off @ moved)
    error = {
        "error_degrees": float(np.degrees(np.linalg.norm(wrong))),
        "error_meters": float(np.linalg.norm(moved - place)),
    }
    return sensor, calibrated, true, error


def _rotation_matrix(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation matrix of a rotation vector in radians."""
    return np.asarray(cv2.Rodrigues(vector)[0], np.float64)
