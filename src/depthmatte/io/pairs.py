"""What was measured beside a photo, put together with it: depth, a second view, calibration."""

from __future__ import annotations

from dataclasses import replace

from ..camera import Camera, Rig
from ..errors import InputError
from ..evidence import RawDepth, StereoView
from ..photo import Photo
from . import calibration, depthfile, image
from .label import Place, label
from .orientation import upright


def attach(
    photo: Photo,
    depth: Place | RawDepth | None = None,
    right: Place | None = None,
    calib: Place | Rig | None = None,
    depth_scale: float | None = None,
    *,
    orientation: int = 1,
    photo_time: float | None = None,
    depth_time: float | None = None,
) -> Photo:
    """The photo with a depth file, or a second view, as its evidence.

    `depth_scale` is the depth file's units per metre (`depthfile.read`). `right` is a view
    from the right of the photo, or from where `calib` says. `calib` describes the photo's
    camera and that of the depth or second view; without it depth belongs to the photo pixel
    by pixel. `orientation` is the EXIF orientation that turned the photo upright, where
    depth and calibration are for its stored pixels. Times are in seconds on one clock (row
    A10). Raises InputError for files that cannot be read or do not go together.
    """
    if depth is not None and right is not None and calib is not None:
        raise InputError(
            f"{photo.meta.name}: the calibration cannot be for both depth and second view; "
            "give one of the two"
        )
    if depth_time is not None and depth is None:
        raise InputError(f"{photo.meta.name}: depth_time without depth; give the depth file")
    if photo_time is not None:
        photo = replace(photo, meta=replace(photo.meta, time=photo_time))
    if depth is None and right is None:
        raise InputError(
            f"{photo.meta.name}: calibration, scale or time alone; give a depth file or a view"
        )
    if depth is not None:
        photo = _with_depth(photo, _raw(depth, depth_scale, depth_time), calib, orientation)
    if right is not None:
        photo = _with_view(photo, right, calib, orientation)
    return photo


def _raw(depth: Place | RawDepth, scale: float | None, time: float | None) -> RawDepth:
    raw = depth if isinstance(depth, RawDepth) else depthfile.read(depth, scale)
    return raw if time is None else replace(raw, time=time)


def _with_depth(photo: Photo, raw: RawDepth, calib: Place | Rig | None, orientation: int) -> Photo:
    if calib is None:
        raw = raw if raw.camera else _turned(raw, orientation)
        return replace(photo, evidence=replace(photo.evidence, sensor=raw))
    rig = _rig(calib, photo, orientation, raw.shape)
    other = _fitted(rig.other, raw.shape, calib, "the depth")
    camera = _fitted(rig.photo.turn(orientation), photo.shape, calib, "the photo")
    sensor = replace(raw, camera=other)
    return replace(photo, camera=camera, evidence=replace(photo.evidence, sensor=sensor))


def _with_view(photo: Photo, path: Place, calib: Place | Rig | None, orientation: int) -> Photo:
    rgb = image.read(path, evidence=False).rgb
    if calib is None:
        view = StereoView(rgb, "right", "file")
        return replace(photo, evidence=replace(photo.evidence, second=view))
    shape = (rgb.shape[0], rgb.shape[1])
    rig = _rig(calib, photo, orientation, shape if orientation < 5 else shape[::-1])
    camera = _fitted(rig.photo.turn(orientation), photo.shape, calib, "the photo")
    other = _fitted(rig.other.turn(orientation), shape, calib, "the second view")
    rows = rig.rectified and orientation < 5  # else rows have become columns
    side = Rig(camera, other).side
    view = StereoView(rgb, side, "file", other, rows)
    return replace(photo, camera=camera, evidence=replace(photo.evidence, second=view))


def _rig(calib: Place | Rig, photo: Photo, orientation: int, other: tuple[int, int]) -> Rig:
    if isinstance(calib, Rig):
        return calib
    height, width = photo.shape
    return calibration.read(calib, (width, height) if orientation >= 5 else (height, width), other)


def _fitted(camera: Camera, shape: tuple[int, int], calib: Place | Rig, whose: str) -> Camera:
    name = "calibration" if isinstance(calib, Rig) else label(calib)
    try:
        return camera.fitted(shape)
    except InputError as error:
        raise InputError(f"{name}: camera of {whose}: {error}") from error


def _turned(raw: RawDepth, orientation: int) -> RawDepth:
    if orientation == 1:
        return raw
    sure = None if raw.confidence is None else upright(raw.confidence, orientation)
    return replace(
        raw,
        z=upright(raw.z, orientation),
        validity=upright(raw.validity, orientation),
        confidence=sure,
    )
