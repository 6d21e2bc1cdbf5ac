"""Things people hold or hang up, drawn by code: cups, phones, bags, guitars, chairs, clothes.

Each drawing is RGBA uint8 (h, w, 4) with straight alpha and its true height in meters, so
that a data folder without such cut-outs still gives scenes with held objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...data.folders import trim_rgba
from ...types import RGBA, Rng

_SUPERSAMPLING = 2
"""Drawn this many times larger, then averaged: smooth outlines."""

_Ink = NDArray[np.uint8]
_Point = tuple[float, float]


class _Pen:
    """Draws solid shapes on a sheet `side` pixels high, in units of its height."""

    def __init__(self, side: int, wide: float = 1.0) -> None:
        self.side = side * _SUPERSAMPLING
        self.rgb = np.zeros((self.side, round(self.side * wide), 3), np.uint8)
        self.cover = np.zeros(self.rgb.shape[:2], np.uint8)

    def _both(self, draw: Callable[[_Ink, Any], Any], color: Any) -> None:
        draw(self.rgb, tuple(int(c) for c in color))
        draw(self.cover, 255)

    def polygon(self, points: list[_Point], color: Any, erase: bool = False) -> None:
        """A filled polygon; `erase` cuts a hole instead."""
        corners = np.rint(np.array(points) * self.side).astype(np.int32)
        if erase:
            cv2.fillPoly(self.cover, [corners], (0,))
        else:
            self._both(lambda sheet, ink: cv2.fillPoly(sheet, [corners], ink), color)

    def oval(
        self, center: _Point, axes: _Point, color: Any, thick: float = -1, arc: _Point = (0, 360)
    ) -> None:
        """An ellipse with half axes `axes`, filled, or a line `thick` wide; `arc` in degrees."""
        middle = (round(center[0] * self.side), round(center[1] * self.side))
        half = (max(1, round(axes[0] * self.side)), max(1, round(axes[1] * self.side)))
        width = -1 if thick < 0 else max(1, round(thick * self.side))
        self._both(
            lambda sheet, ink: cv2.ellipse(sheet, middle, half, 0, arc[0], arc[1], ink, width),
            color,
        )

    def line(self, start: _Point, end: _Point, thick: float, color: Any) -> None:
        """A straight bar."""
        a, b = ((round(p[0] * self.side), round(p[1] * self.side)) for p in (start, end))
        width = max(1, round(thick * self.side))
        self._both(lambda sheet, ink: cv2.line(sheet, a, b, ink, width), color)

    def done(self, rng: Rng, light: float = 0.35) -> RGBA:
        """The drawing, shaded as if it were round and lit from one side."""
        size = (self.rgb.shape[1] // _SUPERSAMPLING, self.side // _SUPERSAMPLING)
        rgb = cv2.resize(self.rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        alpha = cv2.resize(self.cover, size, interpolation=cv2.INTER_AREA)
        height = np.sqrt(cv2.distanceTransform((alpha > 127).astype(np.uint8), cv2.DIST_L2, 5))
        height = cv2.GaussianBlur(height, (0, 0), 0.02 * size[1])
        slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) * rng.choice([-1, 1])
        slope += 0.6 * cv2.Sobel(height, cv2.CV_32F, 0, 1)
        shade = 1 + light * np.clip(slope / (np.abs(slope).max() + 1e-6), -1, 1)
        shade *= np.linspace(1.05, 0.85, size[1], dtype=np.float32)[:, None]
        grain = cv2.GaussianBlur(rng.standard_normal((size[1], size[0]), np.float32), (0, 0), 1.5)
        lit = np.clip(rgb * shade[..., None] + grain[..., None] * 8, 0, 255).astype(np.uint8)
        return trim_rgba(np.dstack([lit, alpha]))


def random_object_color(rng: Rng, dark: float = 0.15, bright: float = 0.95) -> NDArray[np.float32]:
    """A color as things have them: rarely very vivid."""
    hsv = np.array(
        [[[rng.integers(0, 180), 255 * rng.beta(1.3, 2.2), 255 * rng.uniform(dark, bright)]]],
        np.uint8,
    )
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0], np.float32)


def _draw_cup(rng: Rng) -> tuple[RGBA, float]:
    """A mug with a handle, or a paper cup with a lid."""
    pen, surface = _Pen(220, 1.3), random_object_color(rng, 0.3)
    if rng.random() < 0.5:
        side = float(rng.choice([0.28, 0.92]))
        pen.oval((side, 0.55), (0.2, 0.24), surface * 0.85, 0.08)
        pen.polygon([(0.25, 0.05), (0.95, 0.05), (0.92, 0.95), (0.28, 0.95)], surface)
        pen.oval((0.6, 0.07), (0.35, 0.05), surface * 0.45)
    else:
        pen.polygon([(0.3, 0.12), (0.9, 0.12), (0.8, 0.98), (0.4, 0.98)], surface)
        pen.polygon([(0.32, 0.4), (0.88, 0.4), (0.85, 0.7), (0.36, 0.7)], random_object_color(rng))
        pen.polygon([(0.27, 0.03), (0.93, 0.03), (0.93, 0.13), (0.27, 0.13)], surface * 0.3)
    return pen.done(rng), rng.uniform(0.1, 0.17)


def _draw_phone(rng: Rng) -> tuple[RGBA, float]:
    """A phone from behind, in a case."""
    pen, surface = _Pen(240, 0.56), random_object_color(rng, 0.05, 0.8)
    pen.polygon([(0.03, 0.04), (0.06, 0.01), (0.47, 0.01), (0.5, 0.04)], surface)
    pen.polygon([(0.03, 0.04), (0.5, 0.04), (0.5, 0.96), (0.03, 0.96)], surface)
    pen.polygon([(0.03, 0.96), (0.5, 0.96), (0.47, 0.99), (0.06, 0.99)], surface)
    pen.polygon([(0.07, 0.05), (0.26, 0.05), (0.26, 0.26), (0.07, 0.26)], surface * 0.7)
    for y in (0.1, 0.2):
        pen.oval((0.13, y), (0.035, 0.035), (15, 15, 20))
    return pen.done(rng, 0.15), rng.uniform(0.14, 0.17)


def _draw_bag(rng: Rng) -> tuple[RGBA, float]:
    """A handbag or a shopping bag with its handles."""
    pen, surface = _Pen(320, 1.05), random_object_color(rng, 0.1)
    high = rng.uniform(0.25, 0.45)
    pen.oval((0.5, high), (0.22, high - 0.04), surface * 0.7, 0.03, (180, 360))
    pen.oval((0.54, high), (0.22, high - 0.08), surface * 0.6, 0.03, (180, 360))
    slant = rng.uniform(-0.05, 0.1)
    pen.polygon([(0.1 + slant, high), (0.9 - slant, high), (0.97, 0.98), (0.03, 0.98)], surface)
    if rng.random() < 0.6:
        pen.polygon(
            [(0.3, high + 0.2), (0.7, high + 0.2), (0.7, 0.8), (0.3, 0.8)], random_object_color(rng)
        )
    pen.line((0.1 + slant, high + 0.02), (0.9 - slant, high + 0.02), 0.015, surface * 0.5)
    return pen.done(rng), rng.uniform(0.28, 0.5)


def _draw_guitar(rng: Rng) -> tuple[RGBA, float]:
    """A guitar, held aslant."""
    pen = _Pen(520, 0.45)
    wood = np.array([190, 120, 55], np.float32) * np.float32(rng.uniform(0.35, 1.25))
    if rng.random() < 0.25:
        wood = random_object_color(rng, 0.2)
    neck = np.array([70, 45, 30])
    for center, axes in (((0.22, 0.84), (0.19, 0.155)), ((0.22, 0.66), (0.145, 0.125))):
        pen.oval(center, axes, wood * 0.55)
        pen.oval(center, (axes[0] - 0.012, axes[1] - 0.012), wood)
    pen.oval((0.22, 0.71), (0.055, 0.055), (25, 18, 15))
    pen.polygon([(0.2, 0.1), (0.24, 0.1), (0.25, 0.68), (0.19, 0.68)], neck)
    pen.polygon([(0.185, 0.01), (0.255, 0.01), (0.24, 0.11), (0.2, 0.11)], wood * 0.6)
    pen.polygon([(0.16, 0.85), (0.28, 0.85), (0.28, 0.875), (0.16, 0.875)], neck)
    for x in (0.21, 0.22, 0.23):
        pen.line((x, 0.08), (x, 0.86), 0.002, (200, 200, 190))
    rgba = _rotate(pen.done(rng), float(rng.choice([-1, 1])) * rng.uniform(20, 65))
    return rgba, 1.0 * rgba.shape[0] / 520


def _draw_book(rng: Rng) -> tuple[RGBA, float]:
    """A book, folder or tablet."""
    wide = rng.uniform(0.65, 1.4)
    pen, surface = _Pen(240, wide), random_object_color(rng)
    w = wide
    pen.polygon([(0.02, 0.02), (w - 0.02, 0.02), (w - 0.02, 0.98), (0.02, 0.98)], surface)
    pen.polygon(
        [(0.1, 0.15), (w - 0.1, 0.15), (w - 0.1, 0.4), (0.1, 0.4)], random_object_color(rng)
    )
    for y in np.arange(0.55, 0.85, 0.08):
        pen.line((0.15, y), (w - rng.uniform(0.15, 0.3), y), 0.02, surface * 0.5)
    return _rotate(pen.done(rng, 0.1), rng.normal(0, 12)), rng.uniform(0.2, 0.33)


def _draw_box(rng: Rng) -> tuple[RGBA, float]:
    """A cardboard box."""
    wide = rng.uniform(0.9, 1.6)
    pen, surface = _Pen(240, wide), np.array([176, 132, 88]) * rng.uniform(0.6, 1.15)
    w = wide
    pen.polygon([(0.0, 0.2), (w, 0.2), (w, 1), (0, 1)], surface)
    pen.polygon([(0.0, 0.2), (0.12, 0.02), (w - 0.12, 0.02), (w, 0.2)], surface * 1.15)
    pen.polygon(
        [(w * 0.46, 0.03), (w * 0.54, 0.03), (w * 0.54, 0.45), (w * 0.46, 0.45)], surface * 0.8
    )
    return pen.done(rng, 0.1), rng.uniform(0.25, 0.45)


def _draw_chair(rng: Rng) -> tuple[RGBA, float]:
    """A chair seen from behind: bars with gaps that show what is behind."""
    pen, wood = _Pen(420, 0.62), random_object_color(rng, 0.1, 0.7)
    bar = rng.uniform(0.022, 0.04)
    for x in (0.08, 0.54):
        pen.line((x, 0.03), (x, 0.97), bar, wood)
    for x in (0.16, 0.46):
        pen.line((x, 0.5), (x, 0.9), bar * 0.8, wood * 0.7)
    pen.line((0.08, 0.05), (0.54, 0.05), bar * 2, wood * 1.1)
    if rng.random() < 0.5:
        for x in np.linspace(0.08, 0.54, int(rng.integers(4, 7)))[1:-1]:
            pen.line((x, 0.05), (x, 0.5), bar * 0.7, wood * 0.9)
    else:
        for y in (0.17, 0.29, 0.4):
            pen.line((0.08, y), (0.54, y), bar * 1.4, wood * 0.95)
    pen.polygon([(0.05, 0.5), (0.57, 0.5), (0.6, 0.56), (0.02, 0.56)], wood * 1.1)
    return pen.done(rng, 0.2), rng.uniform(0.85, 1.0)


DRAWN_OBJECTS: dict[str, Callable[[Rng], tuple[RGBA, float]]] = {
    "cup": _draw_cup,
    "phone": _draw_phone,
    "bag": _draw_bag,
    "guitar": _draw_guitar,
    "book": _draw_book,
    "box": _draw_box,
    "chair": _draw_chair,
}


def _rotate(rgba: RGBA, degrees: float) -> RGBA:
    """Rotated about its middle, on a sheet large enough."""
    height, width = rgba.shape[:2]
    angle = np.radians(degrees)
    size = (
        int(abs(height * np.sin(angle)) + abs(width * np.cos(angle))) + 2,
        int(abs(height * np.cos(angle)) + abs(width * np.sin(angle))) + 2,
    )
    center = ((width - 1) / 2, (height - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(center, degrees, 1), np.float64)
    matrix[:, 2] += (np.array(size) - (width, height)) / 2
    rgb = cv2.warpAffine(rgba[..., :3], matrix, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(np.ascontiguousarray(rgba[..., 3]), matrix, size)
    return trim_rgba(np.dstack([rgb, alpha]))


def draw_garment(rng: Rng, cloth: NDArray[np.uint8]) -> tuple[RGBA, float]:
    """A shirt, coat or dress on a hanger, made of `cloth` uint8 (h, w, 3)."""
    long = rng.uniform(0.55, 1.0)
    sleeve = rng.uniform(0.25, 0.62) * min(1, long + 0.2)
    flare = rng.uniform(0.0, 0.12)
    pen = _Pen(400, 0.8)
    ink = (128, 128, 128)
    for side in (-1, 1):
        x = 0.4 + side * np.array([0.15, 0.24, 0.3, 0.21])
        pen.polygon(list(zip(x, (0.14, 0.17, 0.17 + sleeve, 0.19 + sleeve), strict=True)), ink)
    shoulders = [(0.33, 0.1), (0.47, 0.1), (0.62, 0.16), (0.58, 0.4)]
    hem = [(0.59 + flare, long), (0.21 - flare, long)]
    pen.polygon([*shoulders, *hem, (0.22, 0.4), (0.18, 0.16)], ink)
    rgba = pen.done(rng, 0.15)
    rows, columns = rgba.shape[:2]
    pattern = cv2.resize(cloth, (columns, rows), interpolation=cv2.INTER_LINEAR)
    folds = cv2.GaussianBlur(rng.standard_normal((1, columns)).astype(np.float32), (0, 0), 9)
    folds = 1 + 0.22 * folds / (np.abs(folds).max() + 1e-6)
    lit = rgba[..., :3].astype(np.float32) / 128 * pattern * folds[..., None]
    rgba = np.dstack([np.clip(lit, 0, 255).astype(np.uint8), rgba[..., 3]])
    hook = np.zeros((round(rows * 0.07), columns, 4), np.uint8)
    middle = columns // 2
    hook[:, middle - 2 : middle + 2] = (90, 90, 95, 255)
    return np.vstack([hook, rgba]), 1.15 * long * (rows + hook.shape[0]) / rows
