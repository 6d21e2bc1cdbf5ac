"""The source of depth that matches a photo with a second view: SPEC rows A9 and A10."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .. import weights
from ..arrays import RGB
from ..camera import Rig
from ..canvas import Canvas, resize, scaled
from ..errors import InputError
from ..evidence import Side, StereoView
from ..maps import Depth
from ..photo import Photo
from . import Source
from .disparity import Matcher
from .distance import distance
from .pair import Match, match
from .placing import on_canvas
from .sgbm import sgbm

LONGEST = 1024
"""Longer side at which a photo's pair is matched for the canvas: enough for its 480 x 352."""


def matcher(
    name: str | Path = "stereo", threads: int | None = None, side: int | None = None
) -> Matcher:
    """The matcher called "stereo" or "sgbm", or that of an `.onnx` file or URL#sha256=HEX.

    `side` is the longer side in pixels at which a network matches (None: its usual one).
    Raises InputError for unknown names, WeightsError for a network that cannot be used.
    """
    if name == "sgbm":
        return sgbm
    # Here, not above: the classical matcher does not need ONNX Runtime.
    from ..network import Network
    from .binocular import SIDE, binocular

    file = weights.path("stereo" if name == "network" else name)
    return binocular(Network(file, threads), side or SIDE)


def stereo(matching: Callable[[], Matcher]) -> Source:
    """A source that matches `photo.evidence.second`; `Depth.none` where there is none.

    `matching` gives the matcher when a pair is there, so that no network loads in vain.
    The source raises InputError for a pair that cannot be matched.
    """

    def source(photo: Photo, canvas: Canvas) -> Depth:
        second = photo.evidence.second
        if second is None:
            return Depth.none(canvas.fit.canvas)
        try:
            found = _match(photo, second, matching())
        except InputError as error:
            raise InputError(f"{photo.meta.name}: {error}") from None
        return on_canvas(distance(found), canvas)

    return source


def _match(photo: Photo, second: StereoView, matching: Matcher) -> Match:
    original: Side = "left" if second.side == "right" else "right"
    views = _reduced(photo.rgb), _reduced(second.rgb)
    left, right = views if original == "left" else views[::-1]
    rig = None
    if photo.camera is not None and second.camera is not None:
        rig = Rig(photo.camera, second.camera, bool(second.rectified))
    shifted = not second.given and rig is None
    return match(left, right, matching, original, rig, second.rectified, shifted)


def _reduced(view: RGB) -> RGB:
    return resize(view, scaled(view.shape[:2], min(1.0, LONGEST / max(view.shape[:2]))))
