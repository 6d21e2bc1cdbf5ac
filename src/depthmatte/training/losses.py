"""Losses. Truths and predictions are float tensors (n, 1, h, w) unless said otherwise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .nets.fusion import FusionOutput
from .nets.monodepth import expectation
from .nets.portrait import PortraitLogits, enlarge
from .nets.stereo import LARGEST, STRIDE, StereoOutput
from .nets.stereo import NEAR as RIGHT

LEAST_SPREAD = 0.22
"""Least spread of d that a weak label of unit spread asks for: without it the cheapest answer
on real photos is a flat map that still has the right order."""


def band(truth: Tensor, radius: int) -> Tensor:
    """1 within `radius` pixels of the outline of an alpha in [0, 1], else 0."""

    def widest(x: Tensor) -> Tensor:
        # Rows then columns: a square maximum at a fraction of its cost.
        rows = F.max_pool2d(x, (1, 2 * radius + 1), 1, (0, radius))
        return F.max_pool2d(rows, (2 * radius + 1, 1), 1, (radius, 0))

    return (widest(truth) + widest(-truth) > 0.5).to(truth)


def soft_iou(prediction: Tensor, truth: Tensor) -> Tensor:
    """1 - intersection over union of soft masks, averaged over photos that show somebody."""
    both = (prediction * truth).sum((1, 2, 3))
    either = (prediction + truth - prediction * truth).sum((1, 2, 3))
    present = (truth.sum((1, 2, 3)) > 0).to(truth)
    return ((1 - both / (either + 1)) * present).sum() / present.sum().clamp(min=1)


def portrait_loss(logits: PortraitLogits, truth: Tensor) -> dict[str, Tensor]:
    """The three supervised branches of the portrait network.

    semantic: cross-entropy on the area-averaged truth at stride 8; detail: cross-entropy in
    the band around the outline at stride 2; matte: cross-entropy, more in the band, plus
    absolute error everywhere and in the band plus soft IoU.
    """
    coarse = F.avg_pool2d(truth, 8)
    half = F.avg_pool2d(truth, 2)
    ring = band(half, 5)
    detail = F.binary_cross_entropy_with_logits(logits.detail, half, reduction="none")
    near = band(truth, 6)
    matte = F.binary_cross_entropy_with_logits(logits.matte, truth, reduction="none")
    alpha = logits.matte.sigmoid()
    return {
        "semantic": F.binary_cross_entropy_with_logits(logits.semantic, coarse),
        "detail": 0.5 * (detail * ring).sum() / ring.sum().clamp(min=1),
        "matte": (matte * (1 + 2 * near)).mean(),
        "error": 2 * (alpha - truth).abs().mean(),
        "outline": ((alpha - truth).abs() * near).sum() / near.sum().clamp(min=1),
        "iou": soft_iou(alpha, truth),
    }


def bin_cross_entropy(logits: Tensor, d: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of bin logits (n, bins, h, w) against d in [0, 1], bins evenly over it.

    The truth is shared by its two nearest bins.
    """
    bins = logits.shape[1]
    place = d.clamp(0, 1) * (bins - 1)
    low = place.floor().clamp(max=bins - 2)
    part = place - low
    logs = logits.log_softmax(1)
    index = low.long()
    chosen = logs.gather(1, index) * (1 - part) + logs.gather(1, index + 1) * part
    return -(chosen * weight).sum() / weight.sum().clamp(min=1)


def weighted_l1(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute error under a weight map."""
    return ((prediction - truth).abs() * weight).sum() / weight.sum().clamp(min=1)


def scale_shift_free(prediction: Tensor, teacher: Tensor, weight: Tensor) -> Tensor:
    """Absolute error after least-squares alignment of the teacher, photo by photo.

    `teacher` is any affine function of log depth (Ranftl et al. 2020 use the same idea).
    Only a positive scale may be taken, so a reversed map costs. Photos with no weight are
    left out.
    """
    mass = weight.sum((2, 3), keepdim=True).clamp(min=1)
    t = teacher - (teacher * weight).sum((2, 3), keepdim=True) / mass
    mean = (prediction * weight).sum((2, 3), keepdim=True) / mass
    p = (prediction - mean).detach()
    covariance = (p * t * weight).sum((2, 3), keepdim=True)
    variance = (t * t * weight).sum((2, 3), keepdim=True)
    scale = (covariance / variance.clamp(min=1e-6)).clamp(LEAST_SPREAD, 1.0)
    return weighted_l1(prediction - mean, scale * t, weight)


def gradient_match(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Absolute error of horizontal and vertical differences where both pixels count."""
    total = prediction.new_zeros(())
    for dim in (2, 3):
        both = torch.minimum(
            weight.narrow(dim, 1, weight.shape[dim] - 1),
            weight.narrow(dim, 0, weight.shape[dim] - 1),
        )
        total = total + weighted_l1(prediction.diff(dim=dim), truth.diff(dim=dim), both)
    return total


def pair_order(d: Tensor, pairs: Tensor, margin: float = 0.06, soft: float = 0.03) -> Tensor:
    """Ranking loss on point pairs: the first point of each pair must be nearer.

    `pairs` is float (n, p, 5): y and x of the near point, y and x of the far one as
    fractions of the canvas, and a weight (0 = no pair).
    """
    near = pairs[..., [1, 0]] * 2 - 1
    far = pairs[..., [3, 2]] * 2 - 1
    points = torch.cat([near, far], 1)[:, :, None]
    read = F.grid_sample(d, points, mode="bilinear", align_corners=False)[:, 0, :, 0]
    first, second = read.chunk(2, dim=1)
    weight = pairs[..., 4]
    cost = F.softplus((first - second + margin) / soft) * soft
    return (cost * weight).sum() / weight.sum().clamp(min=1)


def depth_loss(logits: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """All terms of the depth network on one batch of `DepthSamples`."""
    at = enlarge(expectation(logits), batch["d"])
    size = logits.shape[-2:]
    known = (
        F.interpolate(batch["d"], size, mode="nearest-exact"),
        F.interpolate(batch["weight"], size, mode="nearest-exact"),
    )
    return {
        "bins": 0.3 * bin_cross_entropy(logits, *known),
        "known": 2 * weighted_l1(at, batch["d"], batch["weight"]),
        "edges": gradient_match(at, batch["d"], (batch["weight"] > 0).to(at)),
        "teacher": 2 * scale_shift_free(at, batch["teacher"], batch["teacher_weight"]),
        "order": 8 * pair_order(at, batch["pairs"]),
    }


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
    right = ((out.coarse.detach() - small).abs() <= RIGHT).long()[:, 0]
    return {
        "bins": bin_cross_entropy(out.logits, small / (LARGEST - STRIDE), light),
        "coarse": 0.3 * huber(out.coarse - small, light),
        "fine": huber(out.disparity - truth, weight),
        "sure": 0.5 * F.cross_entropy(out.sure, right),
    }


def huber(error: Tensor, weight: Tensor) -> Tensor:
    """Square below one pixel, straight above, averaged under a weight map."""
    cost = F.huber_loss(error, torch.zeros_like(error), reduction="none")
    return (cost * weight).sum() / weight.sum().clamp(min=1)


def fusion_loss(out: FusionOutput, truth: Tensor) -> dict[str, Tensor]:
    """The fusion network against the subject's true alpha (n, 1, h, w).

    verdict: cross-entropy at a quarter of the size; error: absolute error of the fused
    alpha; iou: soft IoU, so that small subjects count.
    """
    coarse = F.avg_pool2d(truth, truth.shape[-1] // out.logits.shape[-1])
    return {
        "verdict": F.binary_cross_entropy_with_logits(out.logits, coarse),
        "error": 4 * (out.alpha - truth).abs().mean(),
        "iou": 0.5 * soft_iou(out.alpha, truth),
    }
