"""Render a scene through a lens: what lies behind the focus, what is sharp, what lies before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...color.linear_light import linear_to_bytes, to_linear
from ...filters import fill_pull_push, repeat_channels
from ...system.cpu_count import count_cores
from ...system.row_strips import row_strips
from ...system.thread_map import map_in_threads
from ...types import RGB, Float
from ..composite import composite_over
from ..foreground import layer_certainty
from .aperture import Aperture
from .layers import (
    BlurLayer,
    RadiusSteps,
    RenderSize,
    has_members,
    render_back,
    render_front,
    smallest_radius,
)
from .optics import LensGain
from .scene import BlurScene

_MAX_RADIUS_DIAGONAL_SHARE = 0.1
"""Radius at most, as a share of the diagonal: nothing can be told apart in a wider blur."""

_HIDING_ALPHA = 0.25
"""Alpha of the portrait from which the photo's pixel is no longer taken for sharp background."""

_LEAST_OPACITY = 0.002
"""Opacity that 8 bits do not show."""

_MAX_THREADS = 4
"""Strips at most that are worked on at once."""

_Part = tuple[slice, slice]
"""Rows and columns of a picture."""

_STRIP_ROWS = 128
"""Rows that are laid over the picture together."""


@dataclass(frozen=True, eq=False)
class _Stacks:
    """Layers behind the focus from the farthest on, and before it from the nearest on.

    `sharp` is the share of each background pixel that is in focus, (h, w); None is nowhere.
    `person` is the share of the portrait that is in focus.
    """

    back: list[BlurLayer]
    front: list[BlurLayer]
    sharp: Float | None
    person: float
    hidden: Float | None


def render_lens(scene: BlurScene, gain: LensGain, person: float, aperture: Aperture) -> RGB:
    """Return the picture that a lens makes of a scene.

    Parameters
    ----------
    scene : BlurScene
        The scene.
    gain : LensGain
        Focus and aperture.
    person : float
        Diopters of the portrait.
    aperture : Aperture
        The shape of the opening.

    Returns
    -------
    ndarray
        uint8 (H, W, 3), in the profile of the photo.
    """
    photo = scene.portrait.photo
    size = RenderSize(photo.shape, scene.scale, aperture)
    stacks = _build_stacks(scene, gain, person)
    total = render_back(stacks.back, size)
    if total is None:
        picture = photo.rgb.copy()
    else:
        picture = _enlarge(linear_to_bytes(total, photo.meta.icc), photo.shape)
        if stacks.sharp is not None:
            _add_sharp(scene, stacks.sharp, stacks.person, picture)
    if stacks.person > 0:
        _add_person(scene, stacks, picture)
    front = render_front(stacks.front, size)
    if front is not None:
        _add_front(*front, picture, photo.meta.icc)
    return picture


def _enlarge(picture: RGB, shape: tuple[int, int]) -> RGB:
    if picture.shape[:2] == shape:
        return picture
    method = cv2.INTER_CUBIC if picture.shape[0] < shape[0] else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=method), np.uint8)


def _enlarge_share(share: Float, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A share in [0, 1] at photo size, in steps of 1 / 255."""
    if share.shape == shape:
        return np.asarray(share * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    levels = np.asarray(share * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return np.asarray(cv2.resize(levels, shape[::-1]), np.uint8)


def _run_all(work: Callable[[_Part], None], parts: Iterable[_Part]) -> None:
    """Work on parts of a picture in threads."""
    for _ in map_in_threads(work, parts, min(_MAX_THREADS, count_cores())):
        pass


def _used_parts(share: NDArray[Any], least: float) -> Iterator[_Part]:
    """Strips of rows, and the columns in which a share exceeds `least`."""
    for rows in row_strips(share.shape[0], _STRIP_ROWS):
        used = np.flatnonzero(share[rows].max(axis=0) > least)
        if used.size:
            yield rows, slice(int(used[0]), int(used[-1]) + 1)


def _add_sharp(scene: BlurScene, sharp: Float, person: float, picture: RGB) -> None:
    """Mix the photo in where the background is in focus, in place.

    Around a portrait out of focus, strands that the alpha missed must not show either.
    """
    rgb, alpha = scene.portrait.photo.rgb, scene.portrait.opacity
    seen = sharp if person == 1 else sharp * (1 - scene.cover)
    mix = _enlarge_share(seen, scene.portrait.photo.shape)

    def add(part: _Part) -> None:
        free = 1 - np.minimum(alpha[part] * np.float32(1 / _HIDING_ALPHA), 1)
        share = mix[part] * np.float32(1 / 255) * free
        picture[part] = composite_over(rgb[part], share, picture[part])

    _run_all(add, _used_parts(mix, 0))


def _add_person(scene: BlurScene, stacks: _Stacks, picture: RGB) -> None:
    """Lay the sharp portrait over the picture, in place; behind nearer things it goes on."""
    portrait = scene.portrait
    alpha, colors, shape = portrait.opacity, scene.colors, portrait.photo.shape
    if stacks.hidden is None:
        for part in _used_parts(alpha, 0):
            share = alpha[part] * np.float32(stacks.person)
            picture[part] = composite_over(colors[part], share, picture[part])
        return
    known = 1 - stacks.hidden
    small = fill_pull_push(scene.alpha, known)
    front = fill_pull_push(scene.front, known * layer_certainty(scene.alpha))
    hidden, continued = _enlarge_share(stacks.hidden, shape), _enlarge_share(small, shape)
    light = _enlarge(linear_to_bytes(front, portrait.photo.meta.icc), shape)

    def add(part: _Part) -> None:
        share, own = alpha[part], colors[part]
        if hidden[part].any():
            mix = hidden[part] * np.float32(1 / 255)
            share = share + mix * (continued[part] * np.float32(1 / 255) - share)
            own = composite_over(light[part], mix, own)
        share = np.clip(share * np.float32(stacks.person), 0, 1)
        picture[part] = composite_over(own, share, picture[part])

    _run_all(add, _used_parts(np.maximum(_enlarge_share(scene.cover, shape), continued), 0))


def _add_front(light: Float, opacity: Float, picture: RGB, profile: bytes | None) -> None:
    """Lay premultiplied light over a picture, in linear light and in place."""
    shape = picture.shape[0], picture.shape[1]
    straight = light / repeat_channels(np.maximum(opacity, np.float32(1e-3)), 3)
    colors = _enlarge(linear_to_bytes(straight, profile), shape)
    share = np.asarray(cv2.resize(opacity, shape[::-1]), np.float32)

    def add(part: _Part) -> None:
        below = to_linear(np.ascontiguousarray(picture[part]), profile)
        above = to_linear(np.ascontiguousarray(colors[part]), profile)
        above -= below
        above *= repeat_channels(np.ascontiguousarray(share[part]), 3)
        picture[part] = linear_to_bytes(np.add(below, above, out=below), profile)

    _run_all(add, _used_parts(share, _LEAST_OPACITY))


def _build_stacks(scene: BlurScene, gain: LensGain, person: float) -> _Stacks:
    """Split the scene into layers."""
    limit = _MAX_RADIUS_DIAGONAL_SHARE * float(np.hypot(*scene.portrait.photo.shape))
    own = float(np.clip(gain.radius(person), -limit, limit))
    if scene.diopters is None:
        radius = np.full(scene.shape, np.clip(gain.radius(0.0), 0, limit), np.float32)
    else:
        radius = np.clip(gain.radius(scene.diopters), -limit, limit)
    steps = RadiusSteps.for_radii(radius, scene.free, smallest_radius(scene.scale))
    coordinate = steps.coordinate(radius)
    members = {
        steps.radius(index): steps.members(coordinate, index) * scene.free
        for index in range(len(steps.places))
    }
    members = {step: weights for step, weights in members.items() if has_members(weights)}
    is_before = {step: step < own or (step == 0 and own > 0) for step in members}
    before = [weights for step, weights in members.items() if is_before[step]]
    hidden = _grow_hidden(np.sum(before, axis=0), scene) if before else None
    own_share = max(0.0, 1 - abs(float(steps.coordinate(own))))
    certain = layer_certainty(scene.alpha)
    stack: list[BlurLayer] = []
    behind = np.zeros_like(scene.free)
    for step, weights in members.items():
        if is_before[step]:
            behind = np.maximum(behind, certain)
        behind = behind + weights
        color = weights * scene.pure
        seen, known = (weights, behind) if stack else (None, None)
        stack.append(BlurLayer(step, scene.light, color, seen, known))
    if own_share < 1:
        index = sum(not nearer for nearer in is_before.values())
        stack.insert(index, _person_layer(scene, own, steps.smallest, hidden))
    back = [layer for layer in stack if layer.radius >= 0]
    front = [layer for layer in reversed(stack) if layer.radius < 0]
    sharp = steps.members(coordinate, steps.places.index(0.0)) if 0.0 in members else None
    return _Stacks(back, front, sharp, own_share, hidden)


def _person_layer(
    scene: BlurScene, radius: float, smallest: float, hidden: Float | None
) -> BlurLayer:
    """The portrait out of focus."""
    weights, seen, known = layer_certainty(scene.alpha), scene.alpha, None
    if hidden is not None:
        known = 1 - hidden
        weights, seen = weights * known, seen * known
    wide = float(np.copysign(max(abs(radius), smallest), radius))
    return BlurLayer(wide, scene.front, weights, seen, known)


def _grow_hidden(before: Float, scene: BlurScene) -> Float:
    """Where nearer things may hide the portrait: their pixels and the unsure ones around."""
    reach = 2 * scene.margin + 1
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(np.clip(cv2.dilate(before, window), 0, 1), np.float32)
