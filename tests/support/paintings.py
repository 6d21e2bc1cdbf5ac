"""Scenes whose truth is known: two layers, an alpha, and what they give together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RED, GRAY, BLUE = (200, 30, 30), (128, 128, 128), (20, 60, 200)


def plain(shape: tuple[int, int], color: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((*shape, 3), color, np.uint8)


def noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def ball(shape: tuple[int, int], radius: float, soft: float = 1.0) -> NDArray[np.float32]:
    """Alpha of a ball in the middle whose edge is `soft` pixels wide."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2)
    return np.clip((radius - away) / soft + 0.5, 0, 1).astype(np.float32)


def composite(front: Any, alpha: NDArray[np.float32], back: Any) -> NDArray[np.uint8]:
    """The definition, in float64 and rounded once."""
    share = alpha[..., None].astype(float)
    return np.rint(share * np.asarray(front) + (1 - share) * np.asarray(back)).astype(np.uint8)


def off(picture: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    return np.abs(picture.astype(float) - truth).max(axis=-1)


def gradient(shape: tuple[int, int], left: Any, right: Any) -> NDArray[np.uint8]:
    share = np.linspace(0, 1, shape[1])[None, :, None]
    mix = (1 - share) * np.array(left) + share * np.array(right)
    return np.rint(np.broadcast_to(mix, (*shape, 3))).astype(np.uint8)


def strands(shape: tuple[int, int]) -> NDArray[np.float32]:
    """A ball with hair: its soft rim is cut into strands."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    turn = np.arctan2(y - shape[0] / 2, x - shape[1] / 2)
    hair = 0.35 + 0.3 * np.sin(40 * turn)
    return np.maximum(ball(shape, 50, 4), ball(shape, 75, 20) * hair).astype(np.float32)
