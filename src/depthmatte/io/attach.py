"""Attach depth, a second view and calibration to a photo."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, Rig
from ..errors import InputError, OptionError
from ..evidence import RawDepth, StereoView
from ..options import DepthKind
from ..photo import Photo
from ..system.printable_text import Place, label, short
from .embedded.embedded_data import orient_depth


def attach(
    photo: Photo,
    depth: Place | NDArray[Any] | RawDepth | None = None,
    right: Any = None,
    calib: Place | Rig | None = None,
    depth_scale: float | None = None,
    *,
    depth_kind: DepthKind = "auto",
    orientation: int = 1,
    photo_time: float | None = None,
    depth_time: float | None = None,
) -> Photo:
    """Attach depth or a second view to a photo as evidence.

    Parameters
    ----------
    photo : Photo
        The photo.
    depth : path, ndarray (h, w) or RawDepth, optional
        A depth file, or numbers: floats in meters, integers in millimeters.
    right : StereoView, Photo, path, ndarray or bytes, optional
        A view from the right of the photo, or from the position in `calib`.
    calib : path or Rig, optional
        The cameras of the photo and of the depth or second view. Without it, each pixel of the
        depth belongs to the photo's pixel at the same place.
    depth_scale : float, optional
        Units per meter of the depth, see `read_depth_file`.
    depth_kind : {"auto", "distance", "inverse", "disparity"}
        Meaning of the numbers of the depth, see `to_raw_depth`.
    orientation : int
        The EXIF orientation that turned the photo upright, where depth and calibration belong
        to its stored pixels.
    photo_time, depth_time : float, optional
        Seconds on the same clock.

    Returns
    -------
    Photo
        A copy with new evidence and, with `calib`, a new camera.

    Raises
    ------
    InputError
        For inputs that cannot be read, do not match, or lack their counterpart.
    """
    check_inputs_together(depth, right, calib, depth_scale, depth_kind, name=photo.meta.name)
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
        raise InputError(f"{photo.meta.name}: a time alone; give a depth file or a view")
    if depth is not None:
        raw = _to_raw_depth(depth, depth_scale, depth_kind, depth_time)
        photo = _attach_depth(photo, raw, calib, orientation)
    if right is not None:
        photo = _attach_view(photo, right, calib, orientation)
    return photo


def check_inputs_together(
    depth: Any = None,
    right: Any = None,
    calib: Any = None,
    depth_scale: Any = None,
    depth_kind: str = "auto",
    sensor: Any = None,
    *,
    name: str = "",
    flags: bool = False,
) -> None:
    """Refuse inputs that lack their counterpart, such as a calibration without depth.

    Parameters
    ----------
    depth, right, calib, depth_scale, depth_kind, sensor
        As for `attach` and `cut`.
    name : str
        The photo's name, with which messages begin.
    flags : bool
        Whether messages name options as on the command line.

    Raises
    ------
    OptionError
        For `calib` without depth or view; for scale, kind or sensor options without depth; and
        for scale or kind with a RawDepth.
    """

    def display_name(option: str) -> str:
        return "--" + option.replace("_", "-") if flags else option

    before = f"{name}: " if name else ""
    if calib is not None and depth is None and right is None:
        value = f" {label(calib)}" if isinstance(calib, str | os.PathLike) else ""
        raise OptionError(
            f"{before}{display_name('calib')}{value}: "
            f"goes with {display_name('depth')} or {display_name('right')}; give one"
        )
    kind = None if depth_kind == "auto" else depth_kind
    depth_options = {"depth_scale": depth_scale, "depth_kind": kind, "sensor": sensor}
    for option, setting in depth_options.items():
        if setting is not None and depth is None:
            value = f" {short(setting)}" if option != "sensor" else ""
            raise OptionError(
                f"{before}{display_name(option)}{value}: "
                f"goes with {display_name('depth')}; give one"
            )
    if isinstance(depth, RawDepth) and (depth_scale is not None or kind is not None):
        raise OptionError(
            f"{before}a RawDepth states scale and kind itself; leave depth_scale and depth_kind out"
        )


def _to_raw_depth(
    depth: Any,
    scale: float | None,
    kind: DepthKind,
    time: float | None,
) -> RawDepth:
    if isinstance(depth, RawDepth):
        raw = depth
    elif isinstance(depth, str | os.PathLike):
        from .depthmaps import depth_reader

        raw = depth_reader.read_depth_file(depth, scale, kind=kind)
    elif isinstance(depth, bytes | bytearray | memoryview) or hasattr(depth, "read"):
        raise InputError("depth: is no path; give the path of a depth file, or numbers")
    else:
        from .depthmaps import depth_reader

        raw = depth_reader.to_raw_depth(np.asarray(depth), "array", scale, kind=kind)
    return raw if time is None else replace(raw, time=time)


def _attach_depth(
    photo: Photo, raw: RawDepth, calib: Place | Rig | None, orientation: int
) -> Photo:
    if calib is None:
        raw = raw if raw.camera else orient_depth(raw, orientation)
        return replace(photo, evidence=replace(photo.evidence, depth_map=raw))
    rig = _rig(calib, photo, orientation, raw.shape)
    other = _scale_camera(rig.other, raw.shape, calib, "the depth")
    camera = _scale_camera(
        rig.photo.apply_orientation(orientation), photo.shape, calib, "the photo"
    )
    sensor = replace(raw, camera=other)
    return replace(photo, camera=camera, evidence=replace(photo.evidence, depth_map=sensor))


def _attach_view(
    photo: Photo,
    right: Any,
    calib: Place | Rig | None,
    orientation: int,
) -> Photo:
    view = _to_view(right)
    if calib is None:
        return replace(photo, evidence=replace(photo.evidence, second_view=view))
    shape = (view.rgb.shape[0], view.rgb.shape[1])
    rig = _rig(calib, photo, orientation, shape if orientation < 5 else shape[::-1])
    camera = _scale_camera(
        rig.photo.apply_orientation(orientation), photo.shape, calib, "the photo"
    )
    other = _scale_camera(rig.other.apply_orientation(orientation), shape, calib, "the second view")
    rectified = rig.rectified and orientation < 5  # after a quarter turn rows are columns
    side = Rig(camera, other).side
    view = StereoView(view.rgb, side, view.kind, other, rectified)
    return replace(photo, camera=camera, evidence=replace(photo.evidence, second_view=view))


def _to_view(right: Any) -> StereoView:
    """The second view; its side is "right" unless it is a StereoView."""
    if isinstance(right, StereoView):
        return right
    if isinstance(right, Photo):
        return StereoView(right.rgb, "right", "array")
    if isinstance(right, str | os.PathLike):
        from .photo import photo_reader

        return StereoView(photo_reader.read(right, evidence=False).rgb, "right", "file")
    from .photo import from_memory

    return StereoView(from_memory.to_photo(right, "second view").rgb, "right", "array")


def _rig(calib: Any, photo: Photo, orientation: int, other: tuple[int, int]) -> Rig:
    if isinstance(calib, Rig):
        return calib
    if not isinstance(calib, str | os.PathLike) or not os.fspath(calib):
        raise InputError("calib: is no path; give the path of a calibration file, or a Rig")
    # Here and above, not at the top: readers are loaded only when they are needed.
    from .calibration import calibration_reader

    height, width = photo.shape
    return calibration_reader.read_calibration(
        calib, (width, height) if orientation >= 5 else (height, width), other
    )


def _scale_camera(camera: Camera, shape: tuple[int, int], calib: Place | Rig, owner: str) -> Camera:
    name = "calibration" if isinstance(calib, Rig) else label(calib)
    try:
        return camera.for_picture_shape(shape)
    except InputError as error:
        raise InputError(f"{name}: camera of {owner}: {error}") from error
