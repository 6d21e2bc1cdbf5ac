"""Calibration: the one number each network gets after training, fitted on held-out data.

Depth and stereo: the temperature that makes the depth probability the observed share of right
depths (Guo et al. 2017). For depth the bin logits of held-out scenes are divided by the value
under which the probability mass near d best predicts |d - truth| <= DEPTH_TOLERANCE, for stereo
the logits of right or wrong. Matte: the sharpness, a factor on the logits, with the least product
of absolute error and gradient error (Rhemann et al. 2009) on held-out training photos. The absolute
error alone rewards a guess of 0 or 1 in doubt and hardens soft outlines; the gradient error alone
leaves a haze around people.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..canvas import from_canvas, to_canvas
from ..evaluation.metrics import gradient_error, mae
from .data.matte_material import gather_matte_material
from .networks.depth import DEPTH_TOLERANCE, expected_depth, probability_near
from .networks.stereo import DISPARITY_TOLERANCE
from .scenes.depth_scenes import DepthScene, held_out_depth_scenes
from .tasks.stereo import held_out_stereo_pairs, stack_views
from .tasks.task import MaterialOptions, to_network_input

_CALIBRATION_SEED = 1000
"""Scenes for fitting; measuring uses seed 0, so the two never share a scene."""

_CALIBRATION_SCENES, _CALIBRATION_PAIRS = 60, 40
"""Held-out depth scenes and stereo pairs that a temperature is fitted on."""

_TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(6), 40))
"""The temperatures tried."""

_SHARPNESSES = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
"""The factors on the matte's logits tried."""


@torch.no_grad()
def fit_sharpness(network: nn.Module, options: MaterialOptions) -> float:
    """The factor on the matte's logits with the least product of absolute and gradient error.

    It is fitted on the photos that the run held out, against their masks, at the size of each
    photo.
    """
    errors = np.zeros((2, len(_SHARPNESSES)))
    for item in gather_matte_material(options.photos).validation:
        rgb, mask = item.read()
        fit, image = to_network_input(rgb, options.preset)
        truth = mask.astype(np.float32) / np.float32(255)
        logits = network(torch.from_numpy(image)[None]).matte[0, 0]
        for column, k in enumerate(_SHARPNESSES):
            alpha = from_canvas(torch.sigmoid(k * logits).numpy(), fit)
            errors[:, column] += mae(alpha, truth), gradient_error(alpha, truth)
    return _SHARPNESSES[int(np.argmin(errors.prod(axis=0)))]


def fit_depth_temperature(network: nn.Module, options: MaterialOptions) -> float:
    """The temperature with the least log loss on held-out scenes."""
    scenes = held_out_depth_scenes(options.data, _CALIBRATION_SCENES, _CALIBRATION_SEED)
    seen = [_evidence(network, scene) for scene in scenes if scene.is_exact.any()]
    losses = [sum(_log_loss(*one, float(step)) for one in seen) for step in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


@torch.no_grad()
def fit_stereo_temperature(network: nn.Module, options: MaterialOptions) -> float:
    """The temperature of right or wrong with the least log loss on held-out pairs."""
    logits, right = [], []
    for pair in held_out_stereo_pairs(options.data, _CALIBRATION_PAIRS, _CALIBRATION_SEED):
        out = network(torch.from_numpy(stack_views(pair))[None])
        truth = torch.from_numpy(pair.disparity)[None, None]
        small = F.interpolate(truth, out.coarse.shape[-2:], mode="nearest-exact")
        logits.append(out.sure[0].flatten(1).T)
        right.append(((out.coarse - small).abs() <= DISPARITY_TOLERANCE).long().flatten())
    signs, truths = torch.cat(logits), torch.cat(right)
    losses = [float(F.cross_entropy(signs / float(step), truths)) for step in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


@torch.no_grad()
def _evidence(network: nn.Module, scene: DepthScene) -> tuple[Tensor, Tensor, Tensor]:
    """Where the truth is exact: logits (n, DEPTH_BINS), estimates (n,), whether they are right."""
    fit, image = to_network_input(scene.rgb, _portrait_preset(scene))
    logits: Tensor = network(torch.from_numpy(image)[None])
    d = expected_depth(logits)
    step = (slice(2, None, 4), slice(2, None, 4))
    truth = torch.from_numpy(to_canvas(scene.d, fit, nearest=True)[step])
    valid = torch.from_numpy(
        to_canvas(scene.is_exact.astype(np.uint8), fit, nearest=True)[step] > 0
    )
    right = ((d[0, 0] - truth).abs() <= DEPTH_TOLERANCE)[valid]
    return logits[0][:, valid], d[0, 0][valid], right


def _portrait_preset(scene: DepthScene) -> tuple[int, int]:
    rows, columns = scene.rgb.shape[:2]
    return max(rows, columns), min(rows, columns)


def _log_loss(logits: Tensor, d: Tensor, right: Tensor, temperature: float) -> float:
    mass = probability_near(logits[None, :, :, None] / temperature, d[None, None, :, None])[
        0, 0, :, 0
    ]
    mass = mass.clamp(1e-4, 1 - 1e-4)
    return float(torch.where(right, -mass.log(), -(1 - mass).log()).sum())
