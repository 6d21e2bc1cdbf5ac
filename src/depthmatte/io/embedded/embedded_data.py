"""The result of a search for data beside a photo's pixels, and how it is turned upright."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from ...camera import Camera, is_same_aspect
from ...evidence import Evidence, RawDepth, StereoView
from ..photo.orientation import apply_orientation, orient_side

_ASPECT_TOLERANCE = 0.04
"""Relative difference of widths at equal height: stored planes are rounded to blocks."""


@dataclass(frozen=True)
class EmbeddedData:
    """Evidence and camera of one photo, on its pixels as stored.

    Attributes
    ----------
    evidence : Evidence
        Depth, second view and matte inside the file.
    camera : Camera or None
        The camera that took the photo.
    """

    evidence: Evidence = field(default_factory=Evidence)
    camera: Camera | None = None

    def apply_orientation(self, orientation: int) -> EmbeddedData:
        """Turn everything as the photo is turned upright.

        Parameters
        ----------
        orientation : int
            EXIF orientation, 1 to 8. For 5 to 8 the second view is dropped: it was taken from
            above or below.

        Returns
        -------
        EmbeddedData
        """
        if orientation == 1:
            return self
        depth, view, matte = (
            self.evidence.embedded_depth,
            self.evidence.second_view,
            self.evidence.matte,
        )
        return EmbeddedData(
            Evidence(
                embedded_depth=None if depth is None else orient_depth(depth, orientation),
                second_view=None if view is None else _orient_view(view, orientation),
                matte=None if matte is None else apply_orientation(matte, orientation),
            ),
            None if self.camera is None else self.camera.apply_orientation(orientation),
        )


def orient_depth(depth: RawDepth, orientation: int) -> RawDepth:
    """Turn depth on the photo's stored pixels upright.

    Parameters
    ----------
    depth : RawDepth
        On the stored pixels.
    orientation : int
        EXIF orientation of the photo, 1 to 8.

    Returns
    -------
    RawDepth
        On the upright pixels; its camera is turned too.
    """
    if orientation == 1:
        return depth
    confidence = depth.confidence
    return replace(
        depth,
        z=apply_orientation(depth.z, orientation),
        validity=apply_orientation(depth.validity, orientation),
        confidence=None if confidence is None else apply_orientation(confidence, orientation),
        camera=None if depth.camera is None else depth.camera.apply_orientation(orientation),
    )


def _orient_view(view: StereoView, orientation: int) -> StereoView | None:
    """Turn a second view like the photo; None after a quarter turn."""
    side = orient_side(view.side, orientation)
    if side is None:
        return None
    return replace(
        view,
        rgb=apply_orientation(view.rgb, orientation),
        side=side,
        camera=None if view.camera is None else view.camera.apply_orientation(orientation),
    )


def keep_if_covering(depth: RawDepth | None, shape: tuple[int, int]) -> RawDepth | None:
    """Return depth only if it covers the photo.

    Parameters
    ----------
    depth : RawDepth or None
        Depth without a camera of its own.
    shape : tuple of int
        (h, w) of the photo.

    Returns
    -------
    RawDepth or None
        None where the shapes differ, so that the depth shows another part of the scene.
    """
    return depth if depth is not None and has_photo_aspect(depth.z, shape) else None


def has_photo_aspect(plane: NDArray[Any], shape: tuple[int, int]) -> bool:
    """Return whether a plane (h, w, ...) has the aspect of a photo of `shape` (h, w)."""
    return is_same_aspect((plane.shape[0], plane.shape[1]), shape, _ASPECT_TOLERANCE)
