"""Stereo pairs with known disparity: pictures on slanted and bulging sheets, people before them.

Every layer has a smooth disparity field on the left view's grid. Both views are drawn from
the same texture, left through one affine map, right through the same map after each
right pixel has found the left one it shows, so nothing is resampled twice. Painted from
far to near in both views, so occlusions are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...types import RGB, Float
from ..augment.color import random_jpeg, random_noise, random_tone
from ..augment.options import DEFAULT_COLOR, ColorAugmentation
from ..data.assets import Assets
from ..types import RGBA, Rng
from .options import DEFAULT_STEREO_PAIR, StereoPairOptions

_Size = tuple[int, int]

_MAX_DISAGREEMENT = 1.0
"""Pixels by which disparities of both views may differ where a point is seen in both."""


@dataclass(frozen=True)
class StereoPair:
    """A rectified pair of (h, w) pixels.

    Attributes
    ----------
    left, right : ndarray
        uint8 (h, w, 3).
    disparity : ndarray
        float32 (h, w), pixels, of the left view.
    visible : ndarray
        boolean (h, w), where the right view shows the point too.
    """

    left: RGB
    right: RGB
    disparity: Float
    visible: NDArray[np.bool_]


@dataclass(frozen=True)
class TexturedSheet:
    """One layer of a pair.

    Attributes
    ----------
    texture : ndarray
        RGBA uint8.
    place : ndarray
        float64 (2, 3), left pixel -> texel.
    disparity : ndarray
        float32 (h, w), pixels, on the left view's grid.
    """

    texture: RGBA
    place: NDArray[np.float64]
    disparity: Float

    @property
    def nearness(self) -> float:
        """Mean disparity: what is painted later."""
        return float(self.disparity.mean())


def disparity_field(
    rng: Rng,
    shape: _Size,
    middle: float,
    slant: float,
    options: StereoPairOptions = DEFAULT_STEREO_PAIR,
) -> Float:
    """A smooth disparity field: a tilted plane with soft bumps, `middle` pixels on average."""
    rows, columns = shape
    across, down = rng.normal(0, slant, 2)
    # Steeper than this across and the order of pixels in a row could turn round.
    across = float(np.clip(across, -options.largest_slant, options.largest_slant))
    y = np.linspace(-0.5, 0.5, rows, dtype=np.float32)[:, None] * np.float32(down * rows)
    x = np.linspace(-0.5, 0.5, columns, dtype=np.float32)[None] * np.float32(across * columns)
    plane = np.float32(middle) + x + y
    if rng.random() < options.bump_chance:
        spread = min(options.bump_spread, options.bump_part * middle)
        knots = rng.normal(0, spread, (4, 5)).astype(np.float32)
        plane = plane + cv2.resize(knots, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.maximum(plane, 0), np.float32)


def _find_left_position(moving: Float, shift: float, turn: float) -> tuple[Float, Float]:
    """For each right pixel the left (x, y) it shows: x_left = x_right + disparity(x_left)."""
    rows, columns = moving.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    y = y + np.float32(shift) + np.float32(turn) * (x - columns / 2)
    source = x + moving
    for _ in range(4):
        there = cv2.remap(moving, source, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        source = x + np.asarray(there, np.float32)
    return source, y


def _sample_texture(sheet: TexturedSheet, x: Float, y: Float) -> NDArray[Any]:
    """The texture seen at left positions (x, y): float32 (h, w, 4), premultiplied outside 0."""
    a = sheet.place.astype(np.float32)
    u = a[0, 0] * x + a[0, 1] * y + a[0, 2]
    v = a[1, 0] * x + a[1, 1] * y + a[1, 2]
    seen: NDArray[Any] = cv2.remap(
        sheet.texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return seen


def render_pair(
    sheets: list[TexturedSheet], shape: _Size, shift: float = 0.0, turn: float = 0.0
) -> StereoPair:
    """Paint all sheets, far to near, in both views; `shift` and `turn` spoil rectification."""
    rows, columns = shape
    grid_y, grid_x = np.mgrid[:rows, :columns].astype(np.float32)
    views = np.zeros((2, rows, columns, 3), np.float32)
    near = np.zeros((2, rows, columns), np.float32)
    for sheet in sorted(sheets, key=lambda one: one.nearness):
        right = _find_left_position(sheet.disparity, shift, turn)
        fields = (
            sheet.disparity,
            cv2.remap(sheet.disparity, *right, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        )
        for view, (x, y) in enumerate(((grid_x, grid_y), right)):
            seen = _sample_texture(sheet, x, y)
            alpha = seen[..., 3:].astype(np.float32) / 255
            views[view] += alpha * (seen[..., :3] - views[view])
            solid = alpha[..., 0] > 0.5
            near[view][solid] = fields[view][solid]
    met = cv2.remap(near[1], grid_x - near[0], grid_y, cv2.INTER_NEAREST, borderValue=-1000.0)
    left, other = (views + 0.5).astype(np.uint8)
    return StereoPair(left, other, near[0], np.abs(met - near[0]) <= _MAX_DISAGREEMENT)


def _covering_placement(
    rng: Rng, texture: NDArray[np.uint8], shape: _Size, options: StereoPairOptions
) -> NDArray[Any]:
    """An affine place that covers the whole view and the part only the right one sees."""
    rows, columns = shape
    wide = columns * 1.5
    scale = min(texture.shape[0] / rows, texture.shape[1] / wide)
    scale *= rng.uniform(*options.covering_scale)
    slackx = max(0.0, texture.shape[1] - wide * scale)
    slacky = max(0.0, texture.shape[0] - rows * scale)
    return np.array([[scale, 0, rng.uniform(0, slackx)], [0, scale, rng.uniform(0, slacky)]])


def _cutout_placement(
    rng: Rng, texture: RGBA, shape: _Size, options: StereoPairOptions
) -> NDArray[Any]:
    """An affine place for a cut-out: drawn size, tilt and position."""
    height = shape[0] * rng.uniform(*options.cutout_height)
    scale = texture.shape[0] / height
    angle = rng.normal(0, options.cutout_tilt)
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    x, y = rng.uniform(0, shape[1]), rng.uniform(*options.cutout_row) * shape[0]
    middle = np.array([texture.shape[1] / 2, texture.shape[0] / 2])
    turned = np.array([[c, s], [-s, c]])
    return np.column_stack([turned, middle - turned @ (x, y)])


def _opaque(rgb: RGB) -> RGBA:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


def _cut_random_shape(rng: Rng, rgb: RGB) -> RGBA:
    """A picture cut to a random shape: polygon, ovals, bars or a lattice of thin lines."""
    rows, columns = rgb.shape[:2]
    mask: Any = np.zeros((rows, columns), np.uint8)
    kind = rng.integers(4)
    if kind == 0:
        count = int(rng.integers(3, 9))
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        radii = rng.uniform(0.2, 0.5, count)
        points = np.stack([np.cos(angles) * radii + 0.5, np.sin(angles) * radii + 0.5], 1)
        cv2.fillPoly(mask, [(points * (columns, rows)).astype(np.int32)], 255, cv2.LINE_AA)
    else:
        for _ in range(int(rng.integers(1, 5))):
            center = int(rng.uniform(0.2, 0.8) * columns), int(rng.uniform(0.2, 0.8) * rows)
            if kind == 1:
                axes = [max(2, int(f * columns)) for f in rng.uniform(0.06, 0.4, 2)]
                cv2.ellipse(mask, center, axes, rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
            else:
                end = int(rng.uniform(0, columns)), int(rng.uniform(0, rows))
                wide = int(rng.uniform(0.02, 0.2 if kind == 2 else 0.05) * columns) + 2
                cv2.line(mask, center, end, 255, wide, cv2.LINE_AA)
    return np.dstack([rgb, mask])


def _draw_texture(rng: Rng, assets: Assets, options: StereoPairOptions) -> RGBA:
    """A person, an object, or a picture cut to a shape."""
    pick = rng.random()
    standing = options.standing_share
    portrait = standing + options.portrait_share
    if pick < standing:
        return assets.draw_from_sets(rng, standing=True).rgba
    if pick < portrait:
        return assets.draw_from_sets(rng, standing=False).rgba
    if pick < portrait + options.object_share:
        found = assets.draw_object(rng)
        if found is not None:
            return found.rgba
    if rng.random() < options.place_share:
        picture = assets.draw_background(rng)
    else:
        picture = assets.draw_picture_or_background(rng)
    if rng.random() < options.plain_chance:  # hardly any texture: only the outline can be matched
        picture = np.broadcast_to(picture.mean((0, 1)), picture.shape).astype(np.uint8)
    return _cut_random_shape(rng, picture)


def _vary_cameras(
    rng: Rng, left: RGB, right: RGB, options: StereoPairOptions, color: ColorAugmentation
) -> tuple[RGB, RGB]:
    """Two cameras: shared light, then exposure, color, focus and noise of each its own."""
    if rng.random() < options.shared_tone_chance:
        seed = int(rng.integers(2**31))
        left, right = (
            random_tone(np.random.default_rng(seed), view, color) for view in (left, right)
        )
    made = []
    for view in (left, right):
        exposure = np.exp(rng.normal(0, options.gain_spread))
        gain = exposure * np.exp(rng.normal(0, options.white_balance_spread, 3))
        black = rng.normal(0, options.offset_spread)
        view = np.clip(view * gain + black, 0, 255).astype(np.uint8)
        if rng.random() < options.blur_chance:
            sigma = rng.uniform(*options.blur)
            view = np.asarray(cv2.GaussianBlur(view, (0, 0), sigma), np.uint8)
        if rng.random() < options.noise_chance:
            view = random_noise(rng, view, color)
        made.append(random_jpeg(rng, view, color) if rng.random() < options.jpeg_chance else view)
    return made[0], made[1]


def draw_stereo_pair(
    rng: Rng,
    assets: Assets,
    shape: _Size,
    largest: float,
    options: StereoPairOptions = DEFAULT_STEREO_PAIR,
    color: ColorAugmentation = DEFAULT_COLOR,
) -> StereoPair:
    """Draw one pair of (h, w) = `shape`; disparities stay below `largest` pixels."""
    reach = min(largest, shape[1] * options.reach_limit) * rng.uniform(*options.reach)
    far = reach * rng.uniform(*options.far_part)
    picture = _opaque(assets.draw_background(rng))
    sheets = [
        TexturedSheet(
            picture,
            _covering_placement(rng, picture, shape, options),
            disparity_field(rng, shape, far, options.background_slant, options),
        )
    ]
    if rng.random() < options.ground_chance:  # ground: nearer toward the lower rim
        ground = _opaque(assets.draw_background(rng))
        horizon = rng.uniform(*options.ground_horizon) * shape[0]
        rows = np.arange(shape[0], dtype=np.float32)[:, None]
        rise = far + (rows - horizon) * np.float32((reach - far) / (shape[0] - horizon))
        below = np.broadcast_to(rise, shape)
        texture = ground.copy()
        place = _covering_placement(rng, ground, shape, options)
        texture[: max(0, int(place[1, 1] * horizon + place[1, 2])), :, 3] = 0
        sheets.append(TexturedSheet(texture, place, np.asarray(np.maximum(below, 0), np.float32)))
    for _ in range(int(rng.integers(*options.sheet_count, endpoint=True))):
        middle = far + (reach - far) * rng.uniform(*options.sheet_depth)
        texture = _draw_texture(rng, assets, options)
        steep = rng.random() < options.steep_chance
        slant = options.steep_slant if steep else options.flat_slant
        slanted = disparity_field(rng, shape, middle, slant, options)
        place = _cutout_placement(rng, texture, shape, options)
        sheets.append(TexturedSheet(texture, place, slanted))
    spoiled = (0.0, 0.0)
    if rng.random() < options.misaligned_chance:
        spoiled = (rng.normal(0, options.shift_spread), rng.normal(0, options.turn_spread))
    pair = render_pair(sheets, shape, *spoiled)
    left, right = _vary_cameras(rng, pair.left, pair.right, options, color)
    return StereoPair(left, right, pair.disparity, pair.visible)
