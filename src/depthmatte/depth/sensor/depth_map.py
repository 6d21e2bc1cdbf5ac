"""Depth from a depth file or a device, on the canvas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ... import lens_distortion
from ...camera import Camera, is_same_aspect
from ...canvas import Canvas, Letterbox
from ...errors import InputError
from ...evidence import DepthStatus, RawDepth
from ...filters import gaussian_filter, normalized_convolution
from ...options import Interpolation, SensorOptions
from ...photo import Photo
from ...types import Float
from ...values import Depth
from .align import align_depth
from .flying_pixels import find_flying_pixels
from .resize import resize_depth

_Validity = NDArray[np.uint8]


def sensor_depth(photo: Photo, canvas: Canvas, options: SensorOptions | None = None) -> Depth:
    """The depth source "sensor": `photo.evidence.depth_map` on the canvas.

    If both cameras are known the depth is registered in 3-D. Otherwise each value belongs to
    the photo's pixel at the same relative position. Depth probability is that of
    `sensor_probability`, times the device's confidence if there is one.

    Parameters
    ----------
    photo : Photo
        With its evidence.
    canvas : Canvas
        Of the photo, or a crop of it.
    options : SensorOptions, optional
        How the depth is used; the defaults if not given.

    Returns
    -------
    Depth
        On the canvas. Probability 0 everywhere where the photo has no depth file.

    Raises
    ------
    InputError
        For depth taken at another time, and for a map that cannot belong to the photo.
    """
    raw = photo.evidence.depth_map
    if raw is None:
        return Depth.none(canvas.fit.canvas)
    options = options or SensorOptions()
    _check_time(photo, raw, options.max_time_difference)
    flying = find_flying_pixels(raw.z, raw.validity == DepthStatus.VALID, raw.metric)
    raw = replace(raw, validity=np.where(flying, np.uint8(DepthStatus.FLYING_PIXEL), raw.validity))
    return convert_raw_depth(photo, raw, canvas.fit, options, "sensor")


def convert_raw_depth(
    photo: Photo, raw: RawDepth, fit: Letterbox, options: SensorOptions, source: str
) -> Depth:
    """Place raw depth on a canvas, limit its range, blur it and compute its probability.

    Parameters
    ----------
    photo : Photo
        The photo that the depth belongs to.
    raw : RawDepth
        On its own grid.
    fit : Letterbox
        Position of the photo on the canvas.
    options : SensorOptions
        Range, blur, interpolation and preset.
    source : str
        `Depth.source` of the result.

    Returns
    -------
    Depth
        On the canvas.

    Raises
    ------
    InputError
        For a map that cannot belong to the photo, and for a range in meters on relative depth.
    """
    z, validity, confidence = _place_on_canvas(photo, raw, fit, options.interpolation)
    validity[~fit.inside()] = DepthStatus.MISSING
    if raw.metric:
        validity = mark_out_of_range(z, validity, options.near, options.far)
    elif options.near > 0 or np.isfinite(options.far):
        raise InputError(
            f"{photo.meta.name}: {raw.kind} depth is relative, so it has no meters to limit; "
            "leave near and far out"
        )
    valid = validity == DepthStatus.VALID
    if options.blur:
        blurred, _ = normalized_convolution(
            z, valid.astype(np.float32), lambda part: gaussian_filter(part, options.blur)
        )
        z = np.where(valid, blurred, z)
    z = np.clip(z, 0, None if raw.metric else 1)  # a mean may exceed the range by rounding
    prob = sensor_probability(z, valid, options.preset) * confidence
    return Depth(z, prob, raw.metric, source, validity)


def sensor_probability(d: Float, valid: NDArray[np.bool_], preset: float = 1.0) -> Float:
    """Depth probability from depth: `preset` - d / d_max (patent description).

    Parameters
    ----------
    d : ndarray
        Depth, float32 (h, w), at least 0. d_max is its largest valid value.
    valid : ndarray
        Where depth is valid, boolean (h, w).
    preset : float
        Offset of the formula.

    Returns
    -------
    ndarray
        float32 (h, w), clipped to [0, 1]; 0 where depth is not valid, and everywhere if d_max
        is 0. A map of constant depth gets `preset` - 1.
    """
    farthest = float(d[valid].max(initial=0.0))
    if farthest <= 0:
        return np.zeros_like(d)
    return np.where(valid, np.clip(preset - d / farthest, 0, 1), 0).astype(np.float32)


def mark_out_of_range(z: Float, validity: _Validity, near: float, far: float) -> _Validity:
    """Mark valid depth outside a range as TOO_NEAR or TOO_FAR.

    Parameters
    ----------
    z : ndarray
        Depth in meters, float32 (h, w).
    validity : ndarray
        DepthStatus, uint8 (h, w).
    near, far : float
        The range in meters.

    Returns
    -------
    ndarray
        DepthStatus, uint8 (h, w).
    """
    valid = validity == DepthStatus.VALID
    out = np.where(valid & (z < near), np.uint8(DepthStatus.TOO_NEAR), validity)
    return np.where(valid & (z > far), np.uint8(DepthStatus.TOO_FAR), out)


def _check_time(photo: Photo, raw: RawDepth, max_difference_s: float) -> None:
    """InputError if photo and depth were taken more than `max_difference_s` seconds apart."""
    if photo.meta.time is None or raw.time is None:
        return
    difference_s = abs(photo.meta.time - raw.time)
    if not difference_s <= max_difference_s:
        raise InputError(
            f"{photo.meta.name}: taken at {photo.meta.time:.6f} s but its depth at "
            f"{raw.time:.6f} s, {difference_s:.3g} s apart; {max_difference_s:g} s are allowed, "
            "give the depth of the same moment"
        )


def _place_on_canvas(
    photo: Photo, raw: RawDepth, fit: Letterbox, interpolation: Interpolation
) -> tuple[Float, _Validity, Float]:
    """Depth, status and confidence on the canvas."""
    if photo.camera is None or raw.camera is None:
        return _resize_to_canvas(photo, raw, fit, interpolation)
    source = _fit_camera(raw.camera, raw.shape, f"{photo.meta.name}: depth camera")
    target = _fit_camera(photo.camera, photo.shape, f"{photo.meta.name}: camera")
    if _is_same_view(source, target):
        return _resize_to_canvas(photo, raw, fit, interpolation)
    if not raw.metric:
        raise InputError(
            f"{photo.meta.name}: {raw.kind} depth is relative and cannot move between two "
            "cameras; give meters or leave the calibration out"
        )
    aligned = align_depth(raw.z, raw.validity, source, canvas_camera(target, fit), interpolation)
    confidence = np.ones(fit.canvas, np.float32)
    if raw.confidence is not None:
        confidence = np.where(aligned.origin >= 0, raw.confidence.ravel()[aligned.origin], 0)
    return aligned.z, aligned.validity, confidence.astype(np.float32)


def canvas_camera(camera: Camera, fit: Letterbox) -> Camera:
    """The camera whose picture is the canvas.

    Parameters
    ----------
    camera : Camera
        The photo's camera.
    fit : Letterbox
        Position of the photo on the canvas.

    Returns
    -------
    Camera
        With intrinsics in canvas pixels.
    """
    camera = camera.apply_orientation(8) if fit.rotated else camera
    scaled = camera.scaled(fit.content_shape)
    top, left = fit.content_corner
    return replace(scaled, shape=fit.canvas, cx=scaled.cx + left, cy=scaled.cy + top)


def _resize_to_canvas(
    photo: Photo, raw: RawDepth, fit: Letterbox, interpolation: Interpolation
) -> tuple[Float, _Validity, Float]:
    """Scale the map to the photo: each value goes to the same relative position."""
    (height, width), (rows, columns) = photo.shape, raw.shape
    if not is_same_aspect(photo.shape, raw.shape):
        raise InputError(
            f"{photo.meta.name}: depth of {columns} x {rows} pixels cannot belong to a photo of "
            f"{width} x {height}; give the depth of this photo, or its calibration"
        )
    valid = raw.validity == DepthStatus.VALID
    confidence = np.ones_like(raw.z) if raw.confidence is None else raw.confidence
    planes = [raw.z, valid, raw.validity, confidence]
    if fit.rotated:
        planes = [np.ascontiguousarray(np.rot90(plane)) for plane in planes]
    values, valid, validity, confidence = planes
    content, origin = resize_depth(values, valid, fit.content_shape, interpolation, raw.metric)
    z = np.zeros(fit.canvas, np.float32)
    canvas_validity = np.full(fit.canvas, DepthStatus.MISSING, np.uint8)
    canvas_confidence = np.zeros(fit.canvas, np.float32)
    z[fit.content_slices] = content
    canvas_validity[fit.content_slices] = validity.ravel()[origin]
    canvas_confidence[fit.content_slices] = confidence.ravel()[origin]
    return z, canvas_validity, canvas_confidence


def _fit_camera(camera: Camera, shape: tuple[int, int], label: str) -> Camera:
    """The camera scaled to a picture's shape; `label` starts the error message."""
    try:
        return camera.for_picture_shape(shape)
    except InputError as error:
        raise InputError(f"{label}: {error}") from error


def _is_same_view(source: Camera, target: Camera) -> bool:
    """Whether both cameras see the same picture, apart from its size."""
    same = source.scaled(target.shape)
    return (
        np.allclose(same.matrix, target.matrix, rtol=0, atol=0.5)
        and np.allclose(same.rotation, target.rotation, atol=1e-6)
        and np.allclose(same.translation, target.translation, atol=1e-6)
        and same.model == target.model
        and lens_distortion.is_same_distortion(same.distortion, target.distortion)
    )
