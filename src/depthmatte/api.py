"""The Python front door: `cut` a photo, then ask the Portrait for what you need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .errors import OptionError
from .fields import option_names
from .options import CutOptions, SessionOptions
from .portrait import Portrait
from .session import default_session, merge_options


def cut(
    photo: Any,
    *,
    depth: Any = None,
    right: Any = None,
    calib: Any = None,
    options: CutOptions | None = None,
    **changes: Any,
) -> Portrait:
    """Cut the person out of one photo, with networks that stay loaded for the next one.

    Parameters
    ----------
    photo, depth, right, calib, options
        As `Session.cut` takes them.
    **changes
        Fields of CutOptions (`subject`, `fusion`, `depth_source`, ...) and of SessionOptions
        (`device`, `threads`, `matte_network`, ...).

    Returns
    -------
    The Portrait.

    Raises
    ------
    InputError
        When the photo or an option cannot be used.
    WeightsError
        When a network cannot be used.

    Example
    -------
    >>> portrait = dm.cut("photo.jpg", subject="nearest")  # doctest: +SKIP
    >>> portrait.save("cutout.png")  # doctest: +SKIP
    """
    loads = option_names(SessionOptions)
    known = (*option_names(CutOptions), *loads)
    if wrong := ", ".join(name for name in changes if name not in known):
        raise OptionError(f"{wrong}: no such option; use {', '.join(known)}")
    loading = {name: value for name, value in changes.items() if name in loads}
    asked = {name: value for name, value in changes.items() if name not in loads}
    session = default_session(replace(SessionOptions(), **loading))
    return session.cut(
        photo,
        depth=depth,
        right=right,
        calib=calib,
        options=merge_options(CutOptions, options, asked),
    )
