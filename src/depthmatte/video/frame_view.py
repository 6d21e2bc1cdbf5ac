"""A portrait of a video frame, for effects: what is smooth is measured at a reduced size.

A frame is seen for a moment and then encoded. So the blurred background and the colors behind
soft edges, which are smooth, are made from a reduced frame. The person and whatever is sharp keep
the pixels of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from ..canvas import Box, Letterbox, resize, scale_shape
from ..effects import Blur, Effect
from ..effects.foreground import estimate_edge_colors
from ..effects.lens.scene import BlurScene, make_blur_scene
from ..photo import Photo
from ..portrait import Portrait
from ..types import RGB, Float, make_read_only
from ..values import Depth
from .frame_cutter import shrink_frame

_SCENE_PIXELS = (57_600, 230_400)
"""Pixels at which the blur of a frame is made: 320 x 180 for a strong one, 640 x 360 at most for
a weak one, which shows more of the background."""

_STRONG_BLUR = 0.5
"""Strength from which the smaller size does."""

_LAYER_SIDE_PX = 160
"""Longest side at which the colors behind soft edges are continued."""

_BOX_MARGIN_PX = 24
"""Margin around the person within which these colors are estimated, in pixels of the frame."""


@dataclass(frozen=True, eq=False)
class _SmallPortrait:
    """A frame of a smaller size, as far as `make_blur_scene` reads it."""

    photo: Photo
    opacity: Float
    measured: Depth
    depth_fit: Letterbox
    found: bool
    part_shares: None = None

    @property
    def alpha(self) -> Float:
        return self.opacity


@dataclass(frozen=True, eq=False, repr=False)
class FramePortrait(Portrait):
    """A portrait whose effects share what they measure, at a reduced size.

    Parameters
    ----------
    scene_pixels : int
        Pixels at most at which the blur is made.
    """

    scene_pixels: int = _SCENE_PIXELS[1]

    @classmethod
    def for_effect(cls, portrait: Portrait, effect: Effect | None) -> FramePortrait:
        """Return the same portrait, to apply an effect to it."""
        kept = {each.name: getattr(portrait, each.name) for each in fields(portrait)}
        return cls(**kept, scene_pixels=_scene_pixels(effect))

    @cached_property
    def foreground(self) -> RGB:
        """Foreground colors, uint8 (H, W, 3)."""
        box = Box.bounding(self.opacity > 0, _BOX_MARGIN_PX)
        if not box.height:
            return self.photo.rgb
        near = self.photo.rgb[box.slices].copy()
        alpha = np.ascontiguousarray(self.opacity[box.slices])
        edges = estimate_edge_colors(near, alpha, _LAYER_SIDE_PX)
        for edge in edges:
            edge.paint(near)
        colors = self.photo.rgb.copy()
        colors[box.slices] = near
        return make_read_only(colors)

    @cached_property
    def blur_scene(self) -> BlurScene:
        """What the blur knows of the frame."""
        height, width = self.photo.shape
        scale = min(1.0, (self.scene_pixels / (height * width)) ** 0.5)
        if scale == 1:
            return make_blur_scene(self, self.scene_pixels)
        shape = scale_shape((height, width), scale)
        small = _SmallPortrait(
            Photo(shrink_frame(self.photo.rgb, shape)),
            np.asarray(resize(self.opacity, shape), np.float32),
            self.measured,
            self.depth_fit.resized(shape),
            self.found,
        )
        return replace(make_blur_scene(small, self.scene_pixels), scale=scale, portrait=self)


def _scene_pixels(effect: Effect | None) -> int:
    """Return the size at which the blur of an effect has about the same radius in pixels."""
    smallest, largest = _SCENE_PIXELS
    if not isinstance(effect, Blur) or effect.aperture is not None:
        return largest
    share = _STRONG_BLUR / max(effect.strength, _STRONG_BLUR / 100)
    return round(min(largest, max(smallest, smallest * share**2)))


def reads_depth(effect: Effect | None) -> bool:
    """Return whether an effect on frames uses their depth."""
    if isinstance(effect, Blur):
        return effect.strength > 0
    return needs_depth(effect)


def needs_depth(effect: Effect | None) -> bool:
    """Return whether an effect on frames is another one without their depth.

    Blur without a focus or an aperture then blurs the background evenly.
    """
    if isinstance(effect, Blur):
        return effect.strength > 0 and (effect.focus is not None or effect.aperture is not None)
    return bool(getattr(effect, "shadow", 0))
