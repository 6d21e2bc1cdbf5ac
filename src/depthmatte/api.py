"""The function `cut`: one photo in, one Portrait out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .errors import OptionError
from .option_fields import merge_options, option_names
from .options import CutOptions, SessionOptions
from .portrait import Portrait
from .session import default_session


def cut(
    photo: Any,
    *,
    depth: Any = None,
    right: Any = None,
    calib: Any = None,
    strokes: Any = None,
    options: CutOptions | None = None,
    **changes: Any,
) -> Portrait:
    """Cut the person out of one photo.

    The networks stay loaded, so that the next call with the same session options is faster.
    Use a `Session` to control how long networks stay loaded.

    Parameters
    ----------
    photo : path, bytes, binary file, PIL.Image.Image, Photo or ndarray
        The photo. Arrays are uint8 or uint16 (H, W), (H, W, 3) or (H, W, 4), or floats in
        [0, 1], and are taken as sRGB.
    depth : path, RawDepth or ndarray, optional
        A depth file, or depth (h, w): floats in meters, integers in millimeters. The option
        `depth_scale` changes the units per meter. It overrides depth in the photo's own file.
    right : path, bytes, binary file, PIL.Image.Image, Photo or ndarray, optional
        A second view of the scene, in any form that `photo` accepts.
    calib : path or Rig, optional
        The calibration of the cameras of `photo` and of `depth` or `right`.
    strokes : path or ndarray, optional
        A transparent picture of the photo's size with strokes of a brush: green or white keeps,
        red or black drops. An array is uint8 (H, W, 4).
    options : CutOptions, optional
        How to cut. Keywords replace single fields.
    **changes : Any
        Fields of `CutOptions` (`subject`, `fusion`, `depth_source`, ...) and of
        `SessionOptions` (`device`, `threads`, `matte_network`, ...).

    Returns
    -------
    Portrait
        Maps at photo size and effects. `Portrait.found` is False when no person was found.

    Raises
    ------
    InputError
        When the photo, the depth, the second view or the calibration cannot be used.
    OptionError
        When an option is unknown or has a wrong value.
    WeightsError
        When a network cannot be used.

    Examples
    --------
    >>> import depthmatte as dm
    >>> portrait = dm.cut("photo.jpg", subject="nearest")  # doctest: +SKIP
    >>> portrait.save("cutout.png")  # doctest: +SKIP
    """
    session_names = option_names(SessionOptions)
    known = (*option_names(CutOptions), *session_names)
    if wrong := ", ".join(name for name in changes if name not in known):
        raise OptionError(f"{wrong}: no such option; use {', '.join(known)}")
    session_changes = {name: value for name, value in changes.items() if name in session_names}
    cut_changes = {name: value for name, value in changes.items() if name not in session_names}
    session = default_session(replace(SessionOptions(), **session_changes))
    return session.cut(
        photo,
        depth=depth,
        right=right,
        calib=calib,
        strokes=strokes,
        options=merge_options(CutOptions, options, cut_changes),
    )
