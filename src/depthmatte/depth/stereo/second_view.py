"""The source of depth that matches a photo with a second view: SPEC rows A9 and A10."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...camera import Rig
from ...canvas import Canvas, resize, scale_shape
from ...errors import InputError
from ...evidence import StereoView, ViewSide
from ...networks import table
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
"""Longer side at which a photo's pair is matched for the canvas: enough for its 480 x 352."""


def create_matcher(
    name: str | Path = "stereo", threads: int | None = None, side: int | None = None
) -> StereoMatcher:
    """The matcher called "stereo" or "sgbm", or that of an `.onnx` file or URL#sha256=HEX.

    `side` is the longer side in pixels at which a network matches (None: its usual one).
    Raises InputError for unknown names, WeightsError for a network that cannot be used.
    """
    if name == "sgbm":
        return match_sgbm
    # Here, not above: the classical matcher does not need ONNX Runtime.
    from ...networks.network import Network
    from .network_matcher import MATCH_SIDE_PX, create_network_matcher

    file = table.network_path("stereo" if name == "network" else name)
    return create_network_matcher(Network(file, threads), side or MATCH_SIDE_PX)


def create_stereo_source(load_matcher: Callable[[], StereoMatcher]) -> DepthFunction:
    """A source that matches `photo.evidence.second`; `Depth.none` where there is none.

    `matching` gives the matcher when a pair is there, so that no network loads in vain.
    The source raises InputError for a pair that cannot be matched.
    """

    def source(photo: Photo, canvas: Canvas) -> Depth:
        second = photo.evidence.second_view
        if second is None:
            return Depth.none(canvas.fit.canvas)
        try:
            found = _match(photo, second, load_matcher())
        except InputError as error:
            raise InputError(f"{photo.meta.name}: {error}") from None
        return depth_to_canvas(triangulate(found), canvas)

    return source


def _match(photo: Photo, second: StereoView, matching: StereoMatcher) -> StereoMatch:
    original: ViewSide = "left" if second.side == "right" else "right"
    views = _shrink_view(photo.rgb), _shrink_view(second.rgb)
    left, right = views if original == "left" else views[::-1]
    rig = None
    if photo.camera is not None and second.camera is not None:
        rig = Rig(photo.camera, second.camera, bool(second.rectified))
    shifted = not second.is_attached and rig is None
    return match_pair(left, right, matching, original, rig, second.rectified, shifted)


def _shrink_view(view: RGB) -> RGB:
    return resize(
        view, scale_shape(view.shape[:2], min(1.0, _MAX_PAIR_SIDE_PX / max(view.shape[:2])))
    )
