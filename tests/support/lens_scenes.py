"""Layered scenes with exact colors, alpha, depth and the picture that a real lens makes of them.

A scene is a stack of layers from back to front. A layer has linear colors (lamps are brighter
than white), an alpha, and a distance: one for a standing layer, one per row for a floor. The
photo is the stack in focus everywhere, clipped at white. The truth is the stack rendered layer
by layer: the light and the alpha of each layer are blurred by the disc of its distance, in
linear light, and composited from back to front.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.camera import Camera
from depthmatte.canvas import Letterbox
from depthmatte.color.linear_light import linear_to_bytes
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.values import Depth, Matte

Rng = np.random.Generator
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

FULL_FRAME_DIAGONAL_MM = 43.27
FOCALS_MM = (50.0, 70.0, 85.0, 135.0)
SCENES = 30
SHAPE = (480, 640)
MARGIN_SHARE = 0.1
"""Sheet beyond each border of the picture, as a share of its longer side: blur reaches there."""
FLOOR_STEP_PX = 0.5
"""A floor is rendered in slices whose radii differ by this much."""


@dataclass(frozen=True)
class Lens:
    """A thin lens, sizes in millimeters on full frame, distance in meters."""

    focal: float
    aperture: float
    focus: float

    def radius(self, meters: Floats | float, shape: tuple[int, int]) -> Floats:
        """Signed radius of the blur in pixels: above 0 behind the focus, below 0 before it."""
        focal = self.focal / 1000
        gain = focal / self.aperture * focal * self.focus / (self.focus - focal)
        diameter = gain * (1 / self.focus - 1 / np.asarray(meters, float)) * 1000
        diagonal = float(np.hypot(*shape))
        return np.asarray(diameter / 2 / FULL_FRAME_DIAGONAL_MM * diagonal, np.float32)


@dataclass(frozen=True)
class SceneLayer:
    """Linear colors (H, W, 3) from 0 up, alpha (H, W), meters: one number or one for each row."""

    light: Floats
    alpha: Floats
    meters: float | Floats


@dataclass(frozen=True)
class LensScene:
    """A scene and what is known about it. `margin` pixels of the sheets lie beyond each border."""

    seed: int
    layers: tuple[SceneLayer, ...]
    subject: int
    lens: Lens
    margin: int
    gray: bool
    profile: bytes | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the picture."""
        height, width = self.layers[0].alpha.shape
        return height - 2 * self.margin, width - 2 * self.margin

    def crop(self, sheet: Floats) -> Floats:
        """The part of a sheet that the picture shows."""
        height, width = self.shape
        return sheet[self.margin : self.margin + height, self.margin : self.margin + width]

    @property
    def photo(self) -> Pixels:
        """Everything in focus, clipped at white."""
        return linear_to_bytes(self.crop(_stack(self.layers)))

    @property
    def alpha(self) -> Floats:
        """The visible alpha of the subject."""
        visible = self.layers[self.subject].alpha
        for layer in self.layers[self.subject + 1 :]:
            visible = visible * (1 - layer.alpha)
        return np.ascontiguousarray(self.crop(visible), np.float32)

    @property
    def meters(self) -> Floats:
        """Distance of what is seen, without mixed values at edges."""
        found = np.zeros(self.layers[0].alpha.shape, np.float32)
        for layer in self.layers:
            meters = np.asarray(layer.meters, np.float32)
            rows = meters[:, None] if meters.ndim else meters
            found = np.where(layer.alpha >= 0.5, rows, found)
        return np.ascontiguousarray(self.crop(found), np.float32)

    @property
    def background(self) -> Pixels:
        """The photo without the subject and what stands before it."""
        return linear_to_bytes(self.crop(_stack(self.layers[: self.subject])))

    @property
    def truth(self) -> Pixels:
        """The picture of the lens."""
        shape = self.shape
        total = np.zeros_like(self.layers[0].light)
        for layer in self.layers:
            meters = np.asarray(layer.meters, np.float32)
            radius = self.lens.radius(meters, shape)
            if radius.ndim:
                total = _add_floor(total, layer, radius)
            else:
                total = _add_blurred(total, layer.light, layer.alpha, abs(float(radius)))
        return linear_to_bytes(self.crop(total))

    def portrait(self, coarse: bool = False, depth: bool = True) -> Portrait:
        """A portrait with the true alpha, and depth: exact, coarse as from a network, or none."""
        shape = self.shape
        pixels = self.lens.focal / FULL_FRAME_DIAGONAL_MM * float(np.hypot(*shape))
        camera = Camera(shape, pixels, pixels, (shape[1] - 1) / 2, (shape[0] - 1) / 2)
        alpha = self.alpha
        if not depth:
            measured = Depth.none(shape)
        elif coarse:
            measured = _coarse(self.meters, self.seed)
        else:
            measured = Depth(self.meters, np.ones(shape, np.float32), True, "sensor")
        fit = Letterbox.identity(shape)
        return Portrait(Photo(self.photo, camera=camera), Matte(alpha, alpha), measured, fit)


def _coarse(meters: Floats, seed: int) -> Depth:
    """Relative log depth with edges as soft as those of a small network, and noise."""
    shape = meters.shape
    small = cv2.resize(np.log(meters), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.0)
    rough = np.random.default_rng(seed).standard_normal((9, 12)).astype(np.float32) * 0.03
    small += cv2.resize(rough, small.shape[::-1], interpolation=cv2.INTER_CUBIC)
    log = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_LINEAR)
    z = np.clip((log - log.min()) / max(float(np.ptp(log)), 1e-6), 0, 1).astype(np.float32)
    return Depth(z, np.ones(shape, np.float32), False, "mono")


def _stack(layers: tuple[SceneLayer, ...]) -> Floats:
    total = np.zeros_like(layers[0].light)
    for layer in layers:
        share = layer.alpha[..., None]
        total = total * (1 - share) + layer.light * share
    return total


@lru_cache(maxsize=256)
def disc(radius: float) -> Floats:
    """An exact disc: each pixel holds the area of it that the disc covers, 8 x 8 samples."""
    reach = int(np.ceil(radius))
    fine = (np.arange((2 * reach + 1) * 8) + 0.5) / 8 - reach - 0.5
    inside = (np.hypot(fine[:, None], fine[None]) <= radius).astype(np.float32)
    side = 2 * reach + 1
    kernel = inside.reshape(side, 8, side, 8).mean(axis=(1, 3))
    return np.asarray(kernel / kernel.sum(), np.float32)


def blur(values: Floats, radius: float) -> Floats:
    """Each pixel spread over a disc."""
    if radius < 0.3:
        return values
    return np.asarray(cv2.filter2D(values, -1, disc(radius), borderType=cv2.BORDER_REFLECT))


def _add_blurred(below: Floats, light: Floats, alpha: Floats, radius: float) -> Floats:
    share = alpha[..., None]
    return below * (1 - blur(alpha, radius)[..., None]) + blur(light * share, radius)


def _add_floor(below: Floats, layer: SceneLayer, radius: Floats) -> Floats:
    """A floor from far to near; each slice goes on under the nearer ones, so nothing shines in."""
    steps = np.floor(radius / FLOOR_STEP_PX)
    rows = np.flatnonzero(layer.alpha.any(axis=1))
    starts = [row for row in rows if row == rows[0] or steps[row] != steps[row - 1]]
    height = len(radius)
    for start, stop in zip(starts, [*starts[1:], height], strict=True):
        wide = float(np.abs(radius[start:stop]).mean())
        reach = int(np.ceil(wide)) + 2
        low, high = max(0, start - reach), min(height, stop + 2 * reach)
        alpha = layer.alpha[low:high].copy()
        alpha[: start - low] = 0
        part = _add_blurred(below[low:high], layer.light[low:high], alpha, wide)
        end = stop + reach - low
        below[low : low + end] = part[:end]
    return below


def _texture(rng: Rng, shape: tuple[int, int], base: Floats, contrast: float) -> Floats:
    """Clouds, edges and fine grain around a color; linear light up to 0.9."""
    total = np.zeros(shape, np.float32)
    for cells, weight in ((6, 1.0), (24, 0.6), (90, 0.35)):
        rough = rng.standard_normal((cells, cells)).astype(np.float32)
        total += weight * cv2.resize(rough, shape[::-1], interpolation=cv2.INTER_CUBIC)
    bands = np.sign(np.sin(np.linspace(0, rng.uniform(15, 60), shape[1])))[None]
    total += 0.5 * bands.astype(np.float32)
    light = base * np.exp(contrast * total)[..., None]
    return np.clip(light, 0.004, 0.9).astype(np.float32)


def _color(rng: Rng, saturated: bool = False) -> Floats:
    hue = int(rng.integers(0, 180))
    saturation = int(rng.integers(200, 256)) if saturated else int(rng.integers(20, 160))
    value = int(rng.integers(120, 230))
    one = cv2.cvtColor(np.uint8([[[hue, saturation, value]]]), cv2.COLOR_HSV2RGB)[0, 0]
    return np.asarray((one / 255.0) ** 2.2, np.float32)


def _draw(shape: tuple[int, int], paint: list[tuple[str, tuple]]) -> Floats:
    """Anti-aliased shapes as an alpha: drawn four times as large."""
    sheet = np.zeros((shape[0] * 4, shape[1] * 4), np.uint8)
    for kind, given in paint:
        if kind == "ellipse":
            (x, y), (wide, high), angle = given
            center, axes = (round(x * 4), round(y * 4)), (round(wide * 4), round(high * 4))
            cv2.ellipse(sheet, center, axes, angle, 0, 360, 255, -1)
        elif kind == "polygon":
            cv2.fillPoly(sheet, [np.rint(np.asarray(given) * 4).astype(np.int32)], 255)
        else:
            points, width = given
            path = [np.rint(np.asarray(points) * 4).astype(np.int32)]
            cv2.polylines(sheet, path, False, 255, max(1, round(width * 4)))
    small = cv2.resize(sheet, shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(255), np.float32)


def _subject(rng: Rng, shape: tuple[int, int], margin: int) -> tuple[Floats, Floats]:
    """Light and alpha of a head with hair, a neck and shoulders in a saturated color."""
    height, width = shape[0] - 2 * margin, shape[1] - 2 * margin
    x = margin + width * rng.uniform(0.35, 0.65)
    head = height * rng.uniform(0.13, 0.18)
    y = margin + height * rng.uniform(0.32, 0.42)
    body = _draw(
        shape,
        [
            ("ellipse", ((x, y + 4.2 * head), (2.1 * head, 3.0 * head), 0)),
            ("polygon", [(x - 0.4 * head, y), (x + 0.4 * head, y), (x + 0.5 * head, y + 2 * head),
                         (x - 0.5 * head, y + 2 * head)]),
        ],
    )  # fmt: skip
    face = _draw(shape, [("ellipse", ((x, y), (0.8 * head, head), 0))])
    strands = []
    for _ in range(int(rng.integers(60, 140))):
        turn = rng.uniform(-np.pi, 0)
        out = head * rng.uniform(1.0, 1.45)
        bend = turn + rng.uniform(-0.5, 0.5)
        ends = [
            (x + 0.7 * head * np.cos(turn), y + 0.8 * head * np.sin(turn)),
            (x + 0.95 * head * np.cos(turn), y + head * np.sin(turn)),
            (x + out * np.cos(bend), y + out * np.sin(bend)),
        ]
        strands.append(("line", (ends, rng.uniform(0.4, 1.3) * height / 480)))
    cap = ("ellipse", ((x, y - 0.35 * head), (0.9 * head, 0.8 * head), 0))
    hair = _draw(shape, [cap, *strands])
    cloth, dark = _color(rng, saturated=True), _color(rng) * np.float32(0.15)
    skin = np.float32([0.55, 0.32, 0.22]) * np.float32(rng.uniform(0.3, 1.2))
    light, alpha = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    grain = _texture(rng, shape, np.ones(3, np.float32) * 0.5, 0.12) * 2
    for part, color in ((hair, dark), (body, cloth), (face, skin)):
        share = part[..., None]
        light = light * (1 - share) + share * color * grain
        alpha = alpha * (1 - part) + part
    # Straight colors: what the light would be at alpha 1.
    return light / np.maximum(alpha, 1e-3)[..., None], alpha


def _lamps(rng: Rng, light: Floats, count: int, rows: tuple[float, float]) -> None:
    """Small lamps, 2 to 16 times as bright as white, added in place."""
    height, width = light.shape[:2]
    paint = light.copy()
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(rows[0] * height, rows[1] * height)
        size = rng.uniform(0.8, 2.5) * height / 576
        color = (0.4 + 0.6 * _color(rng)) * rng.uniform(2, 16)
        spot = _draw((24, 24), [("ellipse", ((12 + x % 1, 12 + y % 1), (size, size), 0))])
        top, left = int(y) - 12, int(x) - 12
        if top >= 0 and left >= 0 and top + 24 <= height and left + 24 <= width:
            here = paint[top : top + 24, left : left + 24]
            here += spot[..., None] * (color - here)
    light[:] = paint


def make_scene(seed: int, shape: tuple[int, int] = SHAPE) -> LensScene:
    """Draw the scene of a seed.

    Every fifth scene is gray but for the subject, so that every color around it is a leak. Two
    of three have a floor, half have things nearer than the subject, half have lamps.
    """
    rng = np.random.default_rng(1000 + seed)
    margin = round(MARGIN_SHARE * max(shape))
    sheet = (shape[0] + 2 * margin, shape[1] + 2 * margin)
    gray, floor, near, lamps = seed % 5 == 0, seed % 3 != 1, seed % 2 == 1, seed % 4 < 2
    focus = float(rng.uniform(1.2, 2.6))
    far = focus * float(rng.uniform(3, 12))
    full = np.ones(sheet, np.float32)
    wall = _texture(rng, sheet, _color(rng), 0.5)
    if lamps:
        _lamps(rng, wall, int(rng.integers(15, 50)), (0.05, 0.6))
    layers = [SceneLayer(wall, full, far)]
    horizon = margin + shape[0] * float(rng.uniform(0.45, 0.62))
    if floor:
        rows = np.arange(sheet[0], dtype=np.float32) - np.float32(horizon)
        low = 0.9 * focus if near else 1.02 * focus  # meters at the lower border
        drop = (margin + shape[0] - horizon) * low
        meters = np.clip(drop / np.maximum(rows, 1e-3), 0.3, far).astype(np.float32)
        light = _checker(rng, sheet, meters, rows)
        alpha = np.broadcast_to((rows > 0).astype(np.float32)[:, None], sheet).copy()
        layers.append(SceneLayer(light, alpha, meters))
    distances = np.sort(rng.uniform(1.3, far / focus, int(rng.integers(1, 4))))[::-1] * focus
    for meters in distances:
        layers.append(SceneLayer(*_thing(rng, sheet, margin, horizon), float(meters)))
    subject = len(layers)
    layers.append(SceneLayer(*_subject(rng, sheet, margin), focus))
    if near:
        for _ in range(int(rng.integers(1, 3))):
            meters = focus * float(rng.uniform(0.35, 0.7))
            layers.append(SceneLayer(*_leaf(rng, sheet, margin), meters))
    if gray:
        layers = [
            layer if number == subject else _gray(layer) for number, layer in enumerate(layers)
        ]
    start = int(rng.integers(3))
    share = float(rng.uniform(0.012, 0.03))  # radius of the wall, as a share of the diagonal
    wide = share * float(np.hypot(*shape))
    lenses = [Lens(f, float(Lens(f, 1, focus).radius(far, shape)) / wide, focus) for f in FOCALS_MM]
    lens = next((lens for lens in lenses[start:] if lens.aperture >= 0.7), lenses[-1])
    return LensScene(seed, tuple(layers), subject, lens, margin, gray)


def _gray(layer: SceneLayer) -> SceneLayer:
    mean = layer.light.mean(axis=-1, keepdims=True)
    return SceneLayer(np.repeat(mean, 3, axis=-1), layer.alpha, layer.meters)


def _checker(rng: Rng, sheet: tuple[int, int], meters: Floats, rows: Floats) -> Floats:
    x = (np.arange(sheet[1]) - sheet[1] / 2)[None] / sheet[1]
    across = np.floor(x * meters[:, None] * rng.uniform(3, 8))
    along = np.floor(np.log(meters)[:, None] * rng.uniform(5, 10))
    tile = ((across + along) % 2).astype(np.float32)[..., None]
    light = _color(rng) * tile + _color(rng) * (1 - tile)
    return np.asarray(light * _texture(rng, sheet, np.ones(3, np.float32) * 0.5, 0.15) * 2)


def _thing(rng: Rng, sheet: tuple[int, int], margin: int, horizon: float) -> tuple[Floats, Floats]:
    """Light and alpha of a post, a panel or a bush behind the subject."""
    height, width = sheet[0] - 2 * margin, sheet[1] - 2 * margin
    x, wide = margin + width * rng.uniform(0, 1), width * rng.uniform(0.03, 0.12)
    top, foot = horizon - height * rng.uniform(0.1, 0.4), horizon + height * rng.uniform(0, 0.15)
    if rng.integers(2):
        corners = [(x - wide, top), (x + wide, top), (x + wide, foot), (x - wide, foot)]
        alpha = _draw(sheet, [("polygon", corners)])
    else:
        blobs = [
            ("ellipse", ((x + wide * rng.normal(), top + (foot - top) * rng.random()),
                         (wide * 0.6, wide * 0.45), float(rng.uniform(0, 180))))
            for _ in range(12)
        ]  # fmt: skip
        alpha = _draw(sheet, blobs)
    return _texture(rng, sheet, _color(rng, bool(rng.integers(2))), 0.4), alpha


def _leaf(rng: Rng, sheet: tuple[int, int], margin: int) -> tuple[Floats, Floats]:
    """Light and alpha of leaves or a post that reach over the subject from a border."""
    height, width = sheet[0] - 2 * margin, sheet[1] - 2 * margin
    side = rng.integers(2)
    if rng.integers(2):
        x, wide = margin + width * rng.uniform(0.25, 0.75), width * rng.uniform(0.02, 0.05)
        lean = width * rng.uniform(-0.1, 0.1)
        corners = [(x - wide, 0), (x + wide, 0), (x + wide + lean, sheet[0]),
                   (x - wide + lean, sheet[0])]  # fmt: skip
        alpha = _draw(sheet, [("polygon", corners)])
    else:
        start = margin + width * (rng.uniform(-0.05, 0.2) if side else rng.uniform(0.8, 1.05))
        blobs = [
            ("ellipse", ((start + width * rng.uniform(-0.15, 0.25) * (1 if side else -1),
                          margin + height * rng.uniform(0.5, 1.05)),
                         (width * 0.09, width * 0.03), float(rng.uniform(0, 180))))
            for _ in range(10)
        ]  # fmt: skip
        alpha = _draw(sheet, blobs)
    return _texture(rng, sheet, _color(rng, bool(rng.integers(2))), 0.3), alpha
