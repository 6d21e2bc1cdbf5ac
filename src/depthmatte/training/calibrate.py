"""Fit the temperature that makes I2 the observed share of right depths (Guo et al. 2017).

On composite scenes that training never draws, the logits are divided by the temperature
under which the probability mass near d best predicts |d - truth| <= NEAR.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..canvas import lay
from .nets.monodepth import NEAR, expectation, mass_near
from .samples import on_canvas
from .scenes import Scene, held_out_scenes

SEED = 1000
"""Scenes for fitting; measuring uses seed 0, so the two never share a scene."""

STEPS = np.exp(np.linspace(np.log(0.5), np.log(6), 40))


def fit_temperature(network: nn.Module, data: Path, count: int = 60) -> float:
    """The temperature with the least log loss on `count` held-out scenes."""
    seen = [_evidence(network, scene) for scene in _valid(held_out_scenes(data, count, SEED))]
    losses = [sum(_log_loss(*one, float(step)) for one in seen) for step in STEPS]
    return float(STEPS[int(np.argmin(losses))])


def _valid(scenes: Iterable[Scene]) -> Iterable[Scene]:
    return (scene for scene in scenes if scene.valid.any())


@torch.no_grad()
def _evidence(network: nn.Module, scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (n, BINS) where the truth is exact, the estimate (n,), and whether it is right."""
    fit, image = on_canvas(scene.rgb, _upright(scene))
    logits: Tensor = network(torch.from_numpy(image)[None])
    d = expectation(logits)
    step = (slice(2, None, 4), slice(2, None, 4))
    truth = torch.from_numpy(lay(scene.d, fit, nearest=True)[step])
    valid = torch.from_numpy(lay(scene.valid.astype(np.uint8), fit, nearest=True)[step] > 0)
    right = ((d[0, 0] - truth).abs() <= NEAR)[valid]
    return logits[0][:, valid], d[0, 0][valid], right


def _upright(scene: Scene) -> tuple[int, int]:
    rows, columns = scene.rgb.shape[:2]
    return max(rows, columns), min(rows, columns)


def _log_loss(logits: Tensor, d: Tensor, right: Tensor, temperature: float) -> float:
    mass = mass_near(logits[None, :, :, None] / temperature, d[None, None, :, None])[0, 0, :, 0]
    mass = mass.clamp(1e-4, 1 - 1e-4)
    return float(torch.where(right, -mass.log(), -(1 - mass).log()).sum())
