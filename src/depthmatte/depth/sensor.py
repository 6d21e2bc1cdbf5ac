"""Depth that a device measured beside the photo (SPEC rows A10 to A13)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .. import lens
from ..arrays import Float
from ..camera import Camera, alike
from ..canvas import Canvas, Fit
from ..errors import InputError
from ..evidence import RawDepth, Reason
from ..filters import gaussian, normalized
from ..maps import Depth
from ..options import Interpolation, SensorOptions
from ..photo import Photo
from .align import align
from .edges import flying
from .scale import scale

Validity = NDArray[np.uint8]


def sensor(photo: Photo, canvas: Canvas, options: SensorOptions | None = None) -> Depth:
    """A source for `measure`: the depth in `photo.evidence.sensor`, on the canvas.

    With both cameras known it moves through 3-D (row A11); else every value belongs to the
    photo's pixel at the same place. I2 is `preset` - d / d_max (row A13), times the
    device's confidence where it gave one; 0 where not VALID. Raises InputError for depth
    taken at another time, and for a map that cannot belong to the photo.
    """
    raw = photo.evidence.sensor
    if raw is None:
        return Depth.none(canvas.fit.canvas)
    options = options or SensorOptions()
    check_time(photo, raw, options.max_time_difference)
    flickering = flying(raw.z, raw.validity == Reason.VALID, raw.metric)
    raw = replace(raw, validity=np.where(flickering, np.uint8(Reason.EDGE), raw.validity))
    return measured(photo, raw, canvas.fit, options, "sensor")


def measured(photo: Photo, raw: RawDepth, fit: Fit, options: SensorOptions, source: str) -> Depth:
    """Raw depth -> Depth on the canvas of `fit`: place, limit, blur and rate it."""
    z, validity, confidence = _place(photo, raw, fit, options.interpolation)
    validity[~fit.inside()] = Reason.MISSING
    if raw.metric:
        validity = limited(z, validity, options.near, options.far)
    elif options.near > 0 or np.isfinite(options.far):
        raise InputError(
            f"{photo.meta.name}: {raw.kind} depth is relative, so it has no meters to limit; "
            "leave near and far out"
        )
    valid = validity == Reason.VALID
    if options.blur:
        blurred, _ = normalized(
            z, valid.astype(np.float32), lambda part: gaussian(part, options.blur)
        )
        z = np.where(valid, blurred, z)
    z = np.clip(z, 0, None if raw.metric else 1)  # means round a little beyond
    prob = probability(z, valid, options.preset) * confidence
    return Depth(z, prob, raw.metric, source, validity)


def probability(d: Float, valid: NDArray[np.bool_], preset: float = 1.0) -> Float:
    """I2 = `preset` - d / d_max within [0, 1], and 0 where not valid (row A13).

    d_max is the largest valid depth. A map that is all of one depth tells nothing apart: it
    gets `preset` - 1, and 0 where that depth is 0.
    """
    farthest = float(d[valid].max(initial=0.0))
    if farthest <= 0:
        return np.zeros_like(d)
    return np.where(valid, np.clip(preset - d / farthest, 0, 1), 0).astype(np.float32)


def limited(z: Float, validity: Validity, near: float, far: float) -> Validity:
    """`validity` with TOO_NEAR and TOO_FAR in place of VALID outside of the limits, metres."""
    valid = validity == Reason.VALID
    out = np.where(valid & (z < near), np.uint8(Reason.TOO_NEAR), validity)
    return np.where(valid & (z > far), np.uint8(Reason.TOO_FAR), out)


def check_time(photo: Photo, raw: RawDepth, difference: float) -> None:
    """Raise InputError when photo and depth were taken too far apart (row A10)."""
    if photo.meta.time is None or raw.time is None:
        return
    apart = abs(photo.meta.time - raw.time)
    if not apart <= difference:
        raise InputError(
            f"{photo.meta.name}: taken at {photo.meta.time:.6f} s but its depth at "
            f"{raw.time:.6f} s, {apart:.3g} s apart; {difference:g} s are allowed, "
            "give the depth of the same moment"
        )


def _place(
    photo: Photo, raw: RawDepth, fit: Fit, interpolation: Interpolation
) -> tuple[Float, Validity, Float]:
    """(z, validity, confidence) on the canvas."""
    if photo.camera is None or raw.camera is None:
        return _laid(photo, raw, fit, interpolation)
    source = _fitted(raw.camera, raw.shape, f"{photo.meta.name}: depth camera")
    target = _fitted(photo.camera, photo.shape, f"{photo.meta.name}: camera")
    if _one_view(source, target):
        return _laid(photo, raw, fit, interpolation)
    if not raw.metric:
        raise InputError(
            f"{photo.meta.name}: {raw.kind} depth is relative and cannot move between two "
            "cameras; give metres or leave the calibration out"
        )
    moved = align(raw.z, raw.validity, source, on_canvas(target, fit), interpolation)
    sure = np.ones(fit.canvas, np.float32)
    if raw.confidence is not None:
        sure = np.where(moved.origin >= 0, raw.confidence.ravel()[moved.origin], 0)
    return moved.z, moved.validity, sure.astype(np.float32)


def on_canvas(camera: Camera, fit: Fit) -> Camera:
    """The camera that would have taken the canvas as its picture."""
    camera = camera.turn(8) if fit.turned else camera
    laid = camera.scaled(fit.content)
    top, left = fit.corner
    return replace(laid, shape=fit.canvas, cx=laid.cx + left, cy=laid.cy + top)


def _laid(
    photo: Photo, raw: RawDepth, fit: Fit, interpolation: Interpolation
) -> tuple[Float, Validity, Float]:
    """Every value goes to the photo's pixel at the same place (row A12)."""
    (height, width), (rows, columns) = photo.shape, raw.shape
    if not alike(photo.shape, raw.shape):
        raise InputError(
            f"{photo.meta.name}: depth of {columns} x {rows} pixels cannot belong to a photo of "
            f"{width} x {height}; give the depth of this photo, or its calibration"
        )
    valid = raw.validity == Reason.VALID
    confidence = np.ones_like(raw.z) if raw.confidence is None else raw.confidence
    planes = [raw.z, valid, raw.validity, confidence]
    if fit.turned:
        planes = [np.ascontiguousarray(np.rot90(plane)) for plane in planes]
    values, valid, validity, confidence = planes
    content, origin = scale(values, valid, fit.content, interpolation, raw.metric)
    z = np.zeros(fit.canvas, np.float32)
    reasons = np.full(fit.canvas, Reason.MISSING, np.uint8)
    sure = np.zeros(fit.canvas, np.float32)
    z[fit.window] = content
    reasons[fit.window] = validity.ravel()[origin]
    sure[fit.window] = confidence.ravel()[origin]
    return z, reasons, sure


def _fitted(camera: Camera, shape: tuple[int, int], whose: str) -> Camera:
    try:
        return camera.fitted(shape)
    except InputError as error:
        raise InputError(f"{whose}: {error}") from error


def _one_view(source: Camera, target: Camera) -> bool:
    """Do both cameras see the same picture, up to its size?"""
    same = source.scaled(target.shape)
    return (
        np.allclose(same.matrix, target.matrix, rtol=0, atol=0.5)
        and np.allclose(same.rotation, target.rotation, atol=1e-6)
        and np.allclose(same.translation, target.translation, atol=1e-6)
        and same.model == target.model
        and lens.same(same.distortion, target.distortion)
    )
