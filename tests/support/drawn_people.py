"""Photos of people, drawn from random numbers, with exact masks.

A person and the place have the same colors and the same textures: only the shape tells them apart.
The person stands at a random place in a random size, so that no fixed mask fits many photos.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Pixels = NDArray[np.uint8]


def _fill(rng: Rng, colors: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Plain, graded, striped or spotted cloth or wall (H, W, 3) in colors of the palette."""
    first, second = colors[rng.choice(len(colors), 2, replace=False)]
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape)
    angle = rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    kind = rng.integers(4)
    if kind == 0:
        share = np.zeros(shape)
    elif kind == 1:
        share = np.clip(0.5 + along * rng.uniform(-1, 1), 0, 1)
    elif kind == 2:
        share = (np.sin(along * rng.uniform(30, 90)) > 0).astype(float)
    else:
        coarse = rng.standard_normal((9, 9)).astype(np.float32)
        share = (cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC) > 0.4).astype(float)
    return first * (1 - share[..., None]) + second * share[..., None]


def _lay(rgb: NDArray[np.float64], part: Pixels, cloth: NDArray[np.float64]) -> None:
    """Put one part over the picture, in place; its rim lies in shade, as on round things."""
    depth = cv2.distanceTransform(part, cv2.DIST_L2, 3)[..., None]
    shaded = cloth * (1 - 0.4 * np.exp(-depth / 2.5))
    np.copyto(rgb, shaded, where=part[..., None] > 0)


def _place(rng: Rng, colors: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """A wall with furniture: rectangles, discs and bars in the colors of the palette."""
    made = _fill(rng, colors, shape)
    for _ in range(int(rng.integers(3, 8))):
        part = np.zeros(shape, np.uint8)
        x, y = (int(rng.integers(side)) for side in shape[::-1])
        wide, high = (int(rng.uniform(0.05, 0.25) * max(shape)) for _ in range(2))
        if rng.random() < 0.5:
            cv2.rectangle(part, (x - wide, y - high), (x + wide, y + high), 1, -1)
        else:
            cv2.circle(part, (x, y), wide, 1, -1)
        _lay(made, part, _fill(rng, colors, shape))
    return made


def _outline(rng: Rng, shape: tuple[int, int]) -> dict[str, Pixels]:
    """The parts of a person from the waist or the hips up, each a mask (H, W)."""
    rows, columns = shape
    size = rng.uniform(0.28, 0.5) * min(rows, columns)  # the width of the shoulders
    middle = rng.uniform(0.2, 0.8) * columns
    top = rng.uniform(0.12, 0.4) * rows
    head, lean = size * 0.26, rng.uniform(-0.12, 0.12) * size
    parts = {name: np.zeros(shape, np.uint8) for name in ("body", "arms", "head", "hair")}

    def at(x: float, y: float) -> tuple[int, int]:
        return round(middle + x * size), round(top + y * size)

    shoulders = 0.78
    body = [at(-0.5, shoulders + 0.1), at(-0.3, shoulders), at(-0.1, shoulders - 0.08)]
    body += [at(0.1, shoulders - 0.08), at(0.3, shoulders), at(0.5, shoulders + 0.1)]
    body += [(round(middle + 0.42 * size), rows), (round(middle - 0.42 * size), rows)]
    cv2.fillPoly(parts["body"], [np.array(body, np.int32)], 1)
    for side in (-1, 1):
        elbow = at(side * rng.uniform(0.55, 0.9), shoulders + rng.uniform(0.5, 0.8))
        hand = at(side * rng.uniform(0.2, 1.0), shoulders + rng.uniform(0.1, 1.4))
        for one, other in ((at(side * 0.44, shoulders + 0.12), elbow), (elbow, hand)):
            cv2.line(parts["arms"], one, other, 1, max(2, round(size * 0.17)))
    center = (round(middle + lean), round(top + 0.36 * size))
    neck = at(0, shoulders)
    cv2.line(parts["head"], center, neck, 1, max(2, round(size * 0.2)))
    cv2.ellipse(parts["head"], (center, (head * 1.6, head * 2.1), 0.0), 1, -1)
    crown = (center[0], round(center[1] - head * 0.45))
    cv2.ellipse(parts["hair"], (crown, (head * 1.8, head * 1.7), 0.0), 1, -1)
    parts["hair"][crown[1] + round(head * 0.2) :] = 0
    return parts


def draw_person(seed: int, shape: tuple[int, int] = (192, 144)) -> tuple[Pixels, Pixels]:
    """A photo (H, W, 3) with one person before furniture, and the mask (H, W), 0 or 255."""
    rng = np.random.default_rng((40, seed))
    colors = rng.uniform(20, 235, (6, 3))
    rgb = _place(rng, colors, shape)
    mask = np.zeros(shape, np.uint8)
    for part in _outline(rng, shape).values():
        _lay(rgb, part, _fill(rng, colors, shape))
        mask |= part
    light = 1 + rng.uniform(-0.25, 0.25) * np.linspace(-1, 1, shape[1])[None, :, None]
    noisy = cv2.GaussianBlur(rgb * light, (0, 0), 0.7) + rng.normal(0, 4, (*shape, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8), mask * np.uint8(255)


def draw_place(seed: int, shape: tuple[int, int] = (192, 144)) -> Pixels:
    """A photo (H, W, 3) of furniture only."""
    rng = np.random.default_rng((41, seed))
    rgb = _place(rng, rng.uniform(20, 235, (6, 3)), shape)
    return np.clip(rgb + rng.normal(0, 4, (*shape, 3)), 0, 255).astype(np.uint8)


def write_pair(folder: Path, name: str, rgb: Pixels, mask: Pixels) -> None:
    """Write `images/NAME.jpg` and `masks/NAME.png`."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / f"{name}.jpg"), rgb[..., ::-1])
    cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask)
