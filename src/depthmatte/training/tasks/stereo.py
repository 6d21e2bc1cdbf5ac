"""The stereo network's task: generated pairs, drawn anew for every key, loss and validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.assets import Assets
from ..losses import bin_cross_entropy, weighted_huber
from ..networks.stereo import DISPARITY_TOLERANCE, MAX_DISPARITY, VOLUME_STRIDE, StereoOutput
from ..scenes.stereo_pairs import StereoPair, draw_stereo_pair
from ..types import SampleKey, TrainingSample
from .augmentation import DEFAULT_STEREO_AUGMENTATION, StereoAugmentation
from .task import MaterialOptions, Validator, as_batch

_VALIDATION_PAIRS = 24
"""Held-out pairs of a validation."""

_HELD_OUT_SHAPE = (256, 384)
"""(height, width) of held-out pairs in pixels."""

_HELD_OUT_DISPARITY = DEFAULT_STEREO_AUGMENTATION.sampling.disparity_part * MAX_DISPARITY
"""Disparities of held-out pairs stay below this, in pixels."""


@dataclass(frozen=True)
class StereoSamples:
    """Generated pairs; a sample is a function of its key alone."""

    assets: Assets
    shares: list[float]
    preset: tuple[int, int]
    augmentation: StereoAugmentation = DEFAULT_STEREO_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> StereoSamples:
        """Pairs from the training half of the data; labels and strength play no part."""
        assets = Assets.for_depth_scenes(options.data, "train")
        how = options.numbers(StereoAugmentation)
        return cls(assets, [1.0] * how.sampling.pairs_per_epoch, options.preset, how)

    def sample(self, key: SampleKey) -> TrainingSample:
        """`image` (6, h, w) in [0, 1], `disparity` and `visible` (1, h, w)."""
        _, landscape, seed = key
        shape = self.preset[::-1] if landscape else self.preset
        how = self.augmentation
        largest = how.sampling.disparity_part * MAX_DISPARITY
        rng = np.random.default_rng(seed)
        pair = draw_stereo_pair(rng, self.assets, shape, largest, how.pair, how.color)
        return {
            "image": stack_views(pair),
            "disparity": pair.disparity[None],
            "visible": pair.visible[None].astype(np.float32),
        }


def stack_views(pair: StereoPair) -> NDArray[np.float32]:
    """Left then right: float32 (6, h, w) in [0, 1], as the network reads a pair."""
    both = np.concatenate([pair.left, pair.right], 2).transpose(2, 0, 1)
    return np.ascontiguousarray(both, np.float32) / np.float32(255)


def held_out_stereo_pairs(data: Path, count: int, seed: int = 0) -> Iterator[StereoPair]:
    """Pairs from pictures that training never sees."""
    assets = Assets.for_depth_scenes(data, "test")
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        yield draw_stereo_pair(rng, assets, _HELD_OUT_SHAPE, _HELD_OUT_DISPARITY)


def stereo_loss(out: StereoOutput, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The binocular network on `disparity` and `visible` (n, 1, h, w), pixels and 0 or 1.

    bins: cross-entropy of the volume's logits; coarse and fine: Huber error in pixels, points
    hidden from the right view counting little; sure: cross-entropy of right or wrong.
    """
    truth = batch["disparity"]
    weight = 0.15 + 0.85 * batch["visible"]
    size = out.coarse.shape[-2:]
    small = F.interpolate(truth, size, mode="nearest-exact")
    light = F.interpolate(weight, size, mode="nearest-exact")
    right = ((out.coarse.detach() - small).abs() <= DISPARITY_TOLERANCE).long()[:, 0]
    return {
        "bins": bin_cross_entropy(out.logits, small / (MAX_DISPARITY - VOLUME_STRIDE), light),
        "coarse": 0.3 * weighted_huber(out.coarse - small, light),
        "fine": weighted_huber(out.disparity - truth, weight),
        "sure": 0.5 * F.cross_entropy(out.sure, right),
    }


def stereo_validator(options: MaterialOptions) -> Validator:
    """Mean error in pixels where both views see the point, on held-out pairs."""
    pairs = list(held_out_stereo_pairs(options.data, _VALIDATION_PAIRS))

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        errors = []
        for pair in pairs:
            d = network(as_batch(network, stack_views(pair))).disparity[0, 0].cpu().numpy()
            errors.append(np.abs(d - pair.disparity)[pair.visible].mean())
        return float(np.mean(errors))

    return validate
