"""Depth from a second view of the scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...camera import Rig
from ...canvas import Canvas, resize, scale_shape
from ...errors import InputError
from ...evidence import StereoView, ViewSide
from ...networks import registry
from ...photo import Photo
from ...types import RGB
from ...values import Depth
from .. import DepthFunction
from ..resample import depth_to_canvas
from .disparity import StereoMatcher
from .matching import StereoMatch, match_pair
from .sgbm import match_sgbm
from .triangulate import triangulate

_MAX_PAIR_SIDE_PX = 1024
"""Longer side, in pixels, of the pair that is matched: enough for a canvas of 480 x 352."""


def create_matcher(
    name: str | Path = "stereo", threads: int | None = None, side: int | None = None
) -> StereoMatcher:
    """Make the matcher of a name.

    Parameters
    ----------
    name : str or Path
        `stereo` (the shipped network), `sgbm` (semi-global matching), an `.onnx` file, or
        URL#sha256=HEX.
    threads : int, optional
        CPU threads of the network; all cores if not given.
    side : int, optional
        Longer side, in pixels, at which a network matches; MATCH_SIDE_PX if not given.

    Returns
    -------
    StereoMatcher
        The matcher.

    Raises
    ------
    InputError
        For an unknown name.
    WeightsError
        For a network that cannot be used.
    """
    if name == "sgbm":
        return match_sgbm
    # Imported here because `sgbm` does not need ONNX Runtime.
    from ...networks.network import Network
    from .network_matcher import MATCH_SIDE_PX, create_network_matcher

    file = registry.network_path("stereo" if name == "network" else name)
    return create_network_matcher(Network(file, threads), side or MATCH_SIDE_PX)


def create_stereo_source(load_matcher: Callable[[], StereoMatcher]) -> DepthFunction:
    """Make the depth source "stereo", which matches `photo.evidence.second_view`.

    Parameters
    ----------
    load_matcher : callable
        Returns the matcher. It is called only when there is a second view.

    Returns
    -------
    callable
        (Photo, Canvas) -> Depth. It returns `Depth.none` without a second view, and raises
        InputError for a pair that cannot be matched.
    """

    def source(photo: Photo, canvas: Canvas) -> Depth:
        second = photo.evidence.second_view
        if second is None:
            return Depth.none(canvas.fit.canvas)
        try:
            match = _match(photo, second, load_matcher())
        except InputError as error:
            raise InputError(f"{photo.meta.name}: {error}") from None
        return depth_to_canvas(triangulate(match), canvas)

    return source


def _match(photo: Photo, second: StereoView, matcher: StereoMatcher) -> StereoMatch:
    """Match the photo with its second view, at a reduced size."""
    photo_side: ViewSide = "left" if second.side == "right" else "right"
    views = _shrink_view(photo.rgb), _shrink_view(second.rgb)
    left, right = views if photo_side == "left" else views[::-1]
    rig = None
    if photo.camera is not None and second.camera is not None:
        rig = Rig(photo.camera, second.camera, bool(second.rectified))
    shifted = not second.is_attached and rig is None
    return match_pair(left, right, matcher, photo_side, rig, second.rectified, shifted)


def _shrink_view(view: RGB) -> RGB:
    """The view with _MAX_PAIR_SIDE_PX as its longer side; small views stay."""
    return resize(
        view, scale_shape(view.shape[:2], min(1.0, _MAX_PAIR_SIDE_PX / max(view.shape[:2])))
    )
