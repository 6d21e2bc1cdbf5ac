"""Depth that a device measured beside the photo (SPEC rows A10 to A13)."""

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
    """A source for `measure`: the depth in `photo.evidence.sensor`, on the canvas.

    With both cameras known it moves through 3-D (row A11); else every value belongs to the
    photo's pixel at the same place. I2 is `preset` - d / d_max (row A13), times the
    device's confidence where it gave one; 0 where not VALID. Raises InputError for depth
    taken at another time, and for a map that cannot belong to the photo.
    """
    raw = photo.evidence.depth_map
    if raw is None:
        return Depth.none(canvas.fit.canvas)
    options = options or SensorOptions()
    _check_time(photo, raw, options.max_time_difference)
    flickering = find_flying_pixels(raw.z, raw.validity == DepthStatus.VALID, raw.metric)
    raw = replace(
        raw, validity=np.where(flickering, np.uint8(DepthStatus.FLYING_PIXEL), raw.validity)
    )
    return convert_raw_depth(photo, raw, canvas.fit, options, "sensor")


def convert_raw_depth(
    photo: Photo, raw: RawDepth, fit: Letterbox, options: SensorOptions, source: str
) -> Depth:
    """Raw depth -> Depth on the canvas of `fit`: place, limit, blur and rate it."""
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
    z = np.clip(z, 0, None if raw.metric else 1)  # means round a little beyond
    prob = sensor_probability(z, valid, options.preset) * confidence
    return Depth(z, prob, raw.metric, source, validity)


def sensor_probability(d: Float, valid: NDArray[np.bool_], preset: float = 1.0) -> Float:
    """I2 = `preset` - d / d_max within [0, 1], and 0 where not valid (row A13).

    d_max is the largest valid depth. A map that is all of one depth tells nothing apart: it
    gets `preset` - 1, and 0 where that depth is 0.
    """
    farthest = float(d[valid].max(initial=0.0))
    if farthest <= 0:
        return np.zeros_like(d)
    return np.where(valid, np.clip(preset - d / farthest, 0, 1), 0).astype(np.float32)


def mark_out_of_range(z: Float, validity: _Validity, near: float, far: float) -> _Validity:
    """`validity` with TOO_NEAR and TOO_FAR in place of VALID outside of the limits, metres."""
    valid = validity == DepthStatus.VALID
    out = np.where(valid & (z < near), np.uint8(DepthStatus.TOO_NEAR), validity)
    return np.where(valid & (z > far), np.uint8(DepthStatus.TOO_FAR), out)


def _check_time(photo: Photo, raw: RawDepth, max_difference_s: float) -> None:
    """Raise InputError when photo and depth were taken too far apart (row A10)."""
    if photo.meta.time is None or raw.time is None:
        return
    apart = abs(photo.meta.time - raw.time)
    if not apart <= max_difference_s:
        raise InputError(
            f"{photo.meta.name}: taken at {photo.meta.time:.6f} s but its depth at "
            f"{raw.time:.6f} s, {apart:.3g} s apart; {max_difference_s:g} s are allowed, "
            "give the depth of the same moment"
        )


def _place_on_canvas(
    photo: Photo, raw: RawDepth, fit: Letterbox, interpolation: Interpolation
) -> tuple[Float, _Validity, Float]:
    """(z, validity, confidence) on the canvas."""
    if photo.camera is None or raw.camera is None:
        return _resize_to_canvas(photo, raw, fit, interpolation)
    source = _fit_camera(raw.camera, raw.shape, f"{photo.meta.name}: depth camera")
    target = _fit_camera(photo.camera, photo.shape, f"{photo.meta.name}: camera")
    if _is_same_view(source, target):
        return _resize_to_canvas(photo, raw, fit, interpolation)
    if not raw.metric:
        raise InputError(
            f"{photo.meta.name}: {raw.kind} depth is relative and cannot move between two "
            "cameras; give metres or leave the calibration out"
        )
    moved = align_depth(raw.z, raw.validity, source, canvas_camera(target, fit), interpolation)
    sure = np.ones(fit.canvas, np.float32)
    if raw.confidence is not None:
        sure = np.where(moved.origin >= 0, raw.confidence.ravel()[moved.origin], 0)
    return moved.z, moved.validity, sure.astype(np.float32)


def canvas_camera(camera: Camera, fit: Letterbox) -> Camera:
    """The camera that would have taken the canvas as its picture."""
    camera = camera.apply_orientation(8) if fit.rotated else camera
    laid = camera.scaled(fit.content_shape)
    top, left = fit.content_corner
    return replace(laid, shape=fit.canvas, cx=laid.cx + left, cy=laid.cy + top)


def _resize_to_canvas(
    photo: Photo, raw: RawDepth, fit: Letterbox, interpolation: Interpolation
) -> tuple[Float, _Validity, Float]:
    """Every value goes to the photo's pixel at the same place (row A12)."""
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
    reasons = np.full(fit.canvas, DepthStatus.MISSING, np.uint8)
    sure = np.zeros(fit.canvas, np.float32)
    z[fit.content_slices] = content
    reasons[fit.content_slices] = validity.ravel()[origin]
    sure[fit.content_slices] = confidence.ravel()[origin]
    return z, reasons, sure


def _fit_camera(camera: Camera, shape: tuple[int, int], whose: str) -> Camera:
    try:
        return camera.for_picture_shape(shape)
    except InputError as error:
        raise InputError(f"{whose}: {error}") from error


def _is_same_view(source: Camera, target: Camera) -> bool:
    """Do both cameras see the same picture, up to its size?"""
    same = source.scaled(target.shape)
    return (
        np.allclose(same.matrix, target.matrix, rtol=0, atol=0.5)
        and np.allclose(same.rotation, target.rotation, atol=1e-6)
        and np.allclose(same.translation, target.translation, atol=1e-6)
        and same.model == target.model
        and lens_distortion.is_same_distortion(same.distortion, target.distortion)
    )
