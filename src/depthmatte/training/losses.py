"""Losses. Truths and predictions are float tensors (n, 1, h, w) unless said otherwise.

A mean over what counts divides by `joined_count`, so that several workers get the same loss.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .distributed.workers import joined_count

_MIN_SPREAD = 0.22
"""Least spread of d that a weak label of unit spread asks for: without it the cheapest answer
on real photos is a flat map that still has the right order."""


def outline_band(truth: Tensor, radius: int) -> Tensor:
    """1 within `radius` pixels of the outline of an alpha in [0, 1], else 0."""

    def widest(x: Tensor) -> Tensor:
        # Rows then columns: a square maximum at a fraction of its cost.
        rows = F.max_pool2d(x, (1, 2 * radius + 1), 1, (0, radius))
        return F.max_pool2d(rows, (2 * radius + 1, 1), 1, (radius, 0))

    return (widest(truth) + widest(-truth) > 0.5).to(truth)


def soft_iou(prediction: Tensor, truth: Tensor) -> Tensor:
    """1 - intersection over union of soft masks, averaged over photos that show a person."""
    both = (prediction * truth).sum((1, 2, 3))
    either = (prediction + truth - prediction * truth).sum((1, 2, 3))
    present = (truth.sum((1, 2, 3)) > 0).to(truth)
    return ((1 - both / (either + 1)) * present).sum() / joined_count(present.sum())


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
    return -(chosen * weight).sum() / joined_count(weight.sum())


def weighted_l1(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute error under a weight map."""
    return ((prediction - truth).abs() * weight).sum() / joined_count(weight.sum())


def affine_invariant_l1(prediction: Tensor, teacher: Tensor, weight: Tensor) -> Tensor:
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
    scale = (covariance / variance.clamp(min=1e-6)).clamp(_MIN_SPREAD, 1.0)
    return weighted_l1(prediction - mean, scale * t, weight)


def gradient_l1(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Absolute error of horizontal and vertical differences where both pixels count."""
    total = prediction.new_zeros(())
    for dim in (2, 3):
        both = torch.minimum(
            weight.narrow(dim, 1, weight.shape[dim] - 1),
            weight.narrow(dim, 0, weight.shape[dim] - 1),
        )
        total = total + weighted_l1(prediction.diff(dim=dim), truth.diff(dim=dim), both)
    return total


def pair_ranking_loss(d: Tensor, pairs: Tensor, margin: float = 0.06, soft: float = 0.03) -> Tensor:
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
    return (cost * weight).sum() / joined_count(weight.sum())


def weighted_huber(error: Tensor, weight: Tensor) -> Tensor:
    """Square below one pixel, straight above, averaged under a weight map."""
    cost = F.huber_loss(error, torch.zeros_like(error), reduction="none")
    return (cost * weight).sum() / joined_count(weight.sum())
