"""Simulated depth cameras: what a real one would measure where the true depth is known.

The numbers come from recordings of a structured-light and a time-of-flight camera
(`benchmarks/hard_scenes/noise.csv`, measured by `fit_noise.py`); limits are the makers'
where the recordings do not reach them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...types import Float, Mask
from ..types import Rng
from .noise import smooth_noise

_DEPTH_JUMP = 0.08
"""Neighbors whose distances differ by more than this share lie on two surfaces."""


@dataclass(frozen=True)
class DepthSensor:
    """One kind of depth camera.

    Attributes
    ----------
    name : str
        Its name in scene.json.
    shape : tuple of int
        (h, w) in pixels.
    focal : float
        Focal length in pixels.
    nearest, farthest : float
        Range in meters.
    step : float
        Steps of its values in mm per square meter, times z^2; 0 for whole millimeters.
    sigma : tuple of float
        Noise in mm: the constant part and the part per square meter.
    grain : float
        Size of the noise in pixels.
    emitter : float
        Meters between camera and lamp. What the lamp does not reach has no depth.
    edge_loss : tuple of float
        Mean and deviation in pixels of what is lost at outlines.
    flying : float
        Share of outline pixels that mix both surfaces.
    clumps : float
        Size of missing patches in pixels.
    speckle : float
        Share of single pixels that are missing everywhere.
    corner : float
        Missing share in the outermost tenth.
    """

    name: str
    shape: tuple[int, int]
    focal: float
    nearest: float
    farthest: float
    step: float
    sigma: tuple[float, float]
    grain: float
    emitter: float
    edge_loss: tuple[float, float]
    flying: float
    clumps: float
    speckle: float
    corner: float


STRUCTURED_LIGHT = DepthSensor(
    "structured-light", (480, 640), 525, 0.45, 4.5, 2.9, (0.0, 0.6), 2.0, 0.075, (0.4, 0.7), 0.0,
    3.0, 0.002, 0.0,
)  # fmt: skip
TIME_OF_FLIGHT = DepthSensor(
    "time-of-flight", (424, 512), 366, 0.5, 8.0, 0.0, (4.5, 0.15), 0.0, 0.07, (0.3, 0.7), 0.001,
    0.8, 0.01, 0.6,
)  # fmt: skip
DEPTH_SENSORS = (STRUCTURED_LIGHT, TIME_OF_FLIGHT)


def simulate_sensor(rng: Rng, sensor: DepthSensor, meters: Float, missing: Float) -> Float:
    """What a depth camera measures.

    Parameters
    ----------
    rng : numpy.random.Generator
    sensor : DepthSensor
    meters : ndarray
        float32 (h, w), the true depth on the sensor's own grid.
    missing : ndarray
        float32 (h, w) in [0, 1], how likely each pixel returns nothing for its material.

    Returns
    -------
    ndarray
        float32 (h, w), meters in whole millimeters, 0 where nothing was measured.
    """
    edge = _depth_outlines(meters)
    lost = lamp_shadow(meters, sensor.focal * sensor.emitter * float(rng.choice([-1, 1])))
    lost |= _lost_outlines(rng, edge, sensor.edge_loss)
    lost |= _clumped_noise(rng, meters.shape, sensor.clumps) < missing
    lost |= rng.random(meters.shape) < _missing_share(meters.shape, sensor)
    z = _add_flying_pixels(rng, meters, edge, sensor.flying)
    z = _add_range_noise(rng, z, sensor)
    lost |= (z < sensor.nearest) | (z > sensor.farthest)
    millimeters = np.where(lost, 0, np.rint(z * 1000))
    return np.asarray(millimeters / 1000, np.float32)


def _depth_outlines(meters: Float) -> Mask:
    """Pixels on either side of a jump in depth."""
    window = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(meters, window), cv2.dilate(meters, window)
    return np.asarray(high - low > _DEPTH_JUMP * low)


def lamp_shadow(meters: Float, shift: float) -> Mask:
    """What a lamp next to the camera does not reach.

    `shift` is focal length times baseline in pixels times meters, positive for a lamp to
    the right. Seen from the lamp, columns must keep their order. A column out of order is in a
    shadow.
    """
    columns = np.arange(meters.shape[1], dtype=np.float32)
    if shift < 0:
        return np.asarray(lamp_shadow(meters[:, ::-1], -shift)[:, ::-1])
    seen = columns - np.float32(shift) / meters
    # From the right, a near surface moves left and covers what is to its left.
    first = np.minimum.accumulate(seen[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(seen > first + 0.5)


def _lost_outlines(rng: Rng, edge: Mask, rim: tuple[float, float]) -> Mask:
    """Pixels lost along outlines, in a width that changes along the way."""
    away = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 3)
    width = rim[0] + rim[1] * _patches(rng, edge.shape, 3.0)
    return np.asarray(away < width)


def _patches(rng: Rng, shape: tuple[int, ...], size: float) -> Float:
    """Smooth normal noise of deviation 1 with patches of about `size` pixels."""
    if size < 0.5:
        return rng.standard_normal(shape, np.float32)
    noise = smooth_noise(rng, shape, size)
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)


def _clumped_noise(rng: Rng, shape: tuple[int, ...], size: float) -> Float:
    """Uniform noise in [0, 1] in patches, so that holes are patches too."""
    waves = _patches(rng, shape, size)
    return np.asarray(1 / (1 + np.exp(-1.702 * waves)), np.float32)


def _missing_share(shape: tuple[int, ...], sensor: DepthSensor) -> Float:
    """Missing share of single pixels: a few everywhere, many in dim corners."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None] ** 2
    out = np.clip((np.sqrt(x + y) - 0.95) / 0.25, 0, 1)
    return np.asarray(np.maximum(sensor.speckle, sensor.corner * out), np.float32)


def _add_flying_pixels(rng: Rng, meters: Float, edge: Mask, share: float) -> Float:
    """Some outline pixels hang in the air between both surfaces."""
    if not share:
        return meters
    near = np.asarray(cv2.dilate(edge.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    chosen = near & (rng.random(meters.shape) < share * 8)
    low = cv2.erode(meters, np.ones((5, 5), np.uint8))[chosen]
    high = cv2.dilate(meters, np.ones((5, 5), np.uint8))[chosen]
    flown = meters.copy()
    flown[chosen] = low + rng.random(low.shape, np.float32) * (np.minimum(high, 2 * low) - low)
    return flown


def _add_range_noise(rng: Rng, meters: Float, sensor: DepthSensor) -> Float:
    """Range noise and steps; structured light steps in inverse depth."""
    sigma = (sensor.sigma[0] + sensor.sigma[1] * meters**2) / 1000
    z = meters + _patches(rng, meters.shape, sensor.grain) * sigma
    z = np.maximum(z, 0.05)
    if sensor.step:
        quantum = np.float32(sensor.step / 1000)
        z = 1 / (np.maximum(np.rint(1 / (z * quantum)), 1) * quantum)
    return np.asarray(z, np.float32)
