"""What was found beside a photo's pixels, and how it turns with them."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import Evidence, RawDepth, StereoView, ViewSide
from ...system.text import printable_excerpt
from ..photo.orientation import apply_orientation

_T = TypeVar("_T")

_ASPECT_TOLERANCE = 0.04
"""How far a plane's shape may be from the photo's, relatively: planes are rounded to blocks."""

_SIDES: dict[int, ViewSide] = {1: "right", 2: "left", 3: "left", 4: "right"}
"""Where a right view lies after a turn; after a quarter turn it lies above or below."""


@dataclass(frozen=True)
class EmbeddedData:
    """Evidence and camera of one photo, on its pixels as they are stored."""

    evidence: Evidence = field(default_factory=Evidence)
    camera: Camera | None = None

    def apply_orientation(self, orientation: int) -> EmbeddedData:
        """Everything turned as EXIF orientation 1 to 8 turns the photo.

        The second view of a photo that is turned by a quarter is dropped: it was taken from
        above or below.
        """
        if orientation == 1:
            return self
        found = self.evidence
        stored, second, matte = found.embedded_depth, found.second_view, found.matte
        return EmbeddedData(
            Evidence(
                embedded_depth=None if stored is None else orient_depth(stored, orientation),
                second_view=None if second is None else _orient_view(second, orientation),
                matte=None if matte is None else apply_orientation(matte, orientation),
            ),
            None if self.camera is None else self.camera.apply_orientation(orientation),
        )


def orient_depth(depth: RawDepth, orientation: int) -> RawDepth:
    """Depth on the photo's stored pixels -> on its upright ones."""
    if orientation == 1:
        return depth
    sure = depth.confidence
    return replace(
        depth,
        z=apply_orientation(depth.z, orientation),
        validity=apply_orientation(depth.validity, orientation),
        confidence=None if sure is None else apply_orientation(sure, orientation),
        camera=None if depth.camera is None else depth.camera.apply_orientation(orientation),
    )


def _orient_view(view: StereoView, orientation: int) -> StereoView | None:
    """A second view turned like the photo; None after a quarter turn."""
    right = _SIDES.get(orientation)
    if right is None:
        return None
    left: ViewSide = "right" if right == "left" else "left"
    return replace(
        view,
        rgb=apply_orientation(view.rgb, orientation),
        side=right if view.side == "right" else left,
        camera=None if view.camera is None else view.camera.apply_orientation(orientation),
    )


_EXPECTED_ERRORS = (
    ValueError,  # Damaged, and what NumPy, base64 and decoders say
    OSError,  # Pillow: cut short, unknown
    SyntaxError,  # Pillow: broken PNG
    EOFError,
    LookupError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What parsers and decoders say of damaged files."""

_log = logging.getLogger("depthmatte")
"""Quiet unless the program around us listens: what is passed over is said at DEBUG."""


def try_finder(finder: Callable[..., _T | None], *about: Any) -> _T | None:
    """What a finder finds; damage counts as absent.

    So does any other error, for a photo must not be lost over what lies beside it; but that
    may be a mistake of ours, and is logged with its traceback.
    """
    try:
        return finder(*about)
    except _EXPECTED_ERRORS as error:
        _log.debug("%s: %s: %s", _name(finder), type(error).__name__, printable_excerpt(error))
    except Exception:
        _log.debug("%s: unexpected, please report it", _name(finder), exc_info=True)
    return None


def _name(finder: Callable[..., Any]) -> str:
    return f"{finder.__module__}.{finder.__qualname__}"


def keep_if_covering(depth: RawDepth | None, shape: tuple[int, int]) -> RawDepth | None:
    """Depth that shows the whole photo of `shape` (h, w) and no more: else it lies elsewhere."""
    return depth if depth is not None and has_photo_aspect(depth.z, shape) else None


def has_photo_aspect(plane: NDArray[Any], shape: tuple[int, int]) -> bool:
    """Has a plane the photo's shape, whatever its size?"""
    (height, width), (tall, wide) = plane.shape[:2], shape
    return bool(np.isclose(height / width, tall / wide, rtol=_ASPECT_TOLERANCE))
