"""Training samples of the binocular network: pairs drawn anew for every key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .nets.stereo import LARGEST
from .samples import Key, Sample
from .stereo_scenes import Pair, draw
from .stock import Stock

PAIRS = 2400
"""Pairs in an epoch."""

HELD_OUT_SHAPE = (256, 384)
BRIM = 0.95
"""Drawn disparities stay below this share of what the network can see."""


@dataclass(frozen=True)
class StereoSamples:
    """Generated pairs; a sample is a function of its key alone."""

    stock: Stock
    shares: list[float]
    preset: tuple[int, int]

    @classmethod
    def of(cls, data: Path, preset: tuple[int, int]) -> StereoSamples:
        """Pairs from the training half of the data."""
        return cls(Stock.of(data, "train"), [1.0] * PAIRS, preset)

    def sample(self, key: Key) -> Sample:
        """`image` (6, h, w) in [0, 1], `disparity` and `visible` (1, h, w)."""
        _, landscape, seed = key
        shape = self.preset[::-1] if landscape else self.preset
        pair = draw(np.random.default_rng(seed), self.stock, shape, BRIM * LARGEST)
        return {
            "image": stacked(pair),
            "disparity": pair.disparity[None],
            "visible": pair.visible[None].astype(np.float32),
        }


def stacked(pair: Pair) -> NDArray[np.float32]:
    """Left then right: float32 (6, h, w) in [0, 1], as the network reads a pair."""
    both = np.concatenate([pair.left, pair.right], 2).transpose(2, 0, 1)
    return np.ascontiguousarray(both, np.float32) / np.float32(255)


def held_out_pairs(data: Path, count: int, seed: int = 0) -> Iterator[Pair]:
    """Pairs from pictures that training never sees."""
    stock = Stock.of(data, "test")
    for index in range(count):
        yield draw(np.random.default_rng((seed, index)), stock, HELD_OUT_SHAPE, BRIM * LARGEST)
