"""The monocular depth network: encoder, decoder, softmax over depth bins.

Depth is relative and logarithmic: d = log(z / z_near) / log(z_far / z_near), 0 at the
nearest and 1 at the farthest thing in the scene, so a step in d is a ratio of distances.
The decoder ends in a softmax over `DEPTH_BINS` evenly spaced values of d. The estimate is its
expectation, and the depth probability is the mass within `DEPTH_TOLERANCE` of the estimate.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .encoders import ENCODERS, conv_bn_relu
from .matte import SemanticBranch, separable_conv, upsample_like

DEPTH_BINS = 32
"""Number of depth bins, centered at 0, 1/31, ..., 1."""

DEPTH_TOLERANCE = 0.1
"""The depth probability is that of the true d within this distance of the estimate."""


class MonoDepthNetwork(nn.Module):
    """Canvas in [0, 1] -> logits over depth bins at a quarter of its size."""

    def __init__(self, encoder: str = "lite0") -> None:
        super().__init__()
        self.encoder = ENCODERS[encoder]()
        c4 = self.encoder.channels[1]
        self.context = SemanticBranch(self.encoder.channels, width=128, outward=80)
        self.side4 = conv_bn_relu(c4, 64, kernel=1)
        self.down8 = conv_bn_relu(80, 64, kernel=1)
        self.join4 = nn.Sequential(separable_conv(64, 64, 5), separable_conv(64, 64))
        self.head = nn.Conv2d(64, DEPTH_BINS, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Image (n, 3, h, w) in [0, 1] -> bin logits (n, DEPTH_BINS, h / 4, w / 4)."""
        features = self.encoder(image * 2 - 1)
        at4 = features[1]
        coarse = self.down8(self.context(features))
        logits: Tensor = self.head(self.join4(self.side4(at4) + upsample_like(coarse, at4)))
        return logits


def _bin_centers(like: Tensor) -> Tensor:
    """The depth of each bin, shaped (1, DEPTH_BINS, 1, 1)."""
    return torch.linspace(0, 1, DEPTH_BINS, device=like.device, dtype=like.dtype).view(
        1, DEPTH_BINS, 1, 1
    )


def expected_depth(logits: Tensor) -> Tensor:
    """Bin logits (n, DEPTH_BINS, h, w) -> d (n, 1, h, w), the mean under their softmax."""
    return (logits.softmax(1) * _bin_centers(logits)).sum(1, keepdim=True)


def probability_near(logits: Tensor, d: Tensor, near: float = DEPTH_TOLERANCE) -> Tensor:
    """Probability mass within `near` of d (n, 1, h, w), bins at the border counted in part."""
    distance = (_bin_centers(logits) - d).abs()
    share = ((near - distance) * (DEPTH_BINS - 1) + 0.5).clamp(0, 1)
    return (logits.softmax(1) * share).sum(1, keepdim=True)


class MonoDepthExport(nn.Module):
    """The form that ships: outputs `depth` and `prob`, both (n, 1, h, w) in [0, 1].

    `temperature` divides the logits for the depth probability alone. It is fitted on held-out
    scenes so that the probability is the observed share of right depths.
    """

    outputs = ("depth", "prob")

    def __init__(self, network: MonoDepthNetwork, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Image (n, 3, h, w) in [0, 1] -> depth, prob."""
        logits = self.network(image)
        d = expected_depth(logits)
        prob = probability_near(logits / self.temperature, d)
        return upsample_like(d, image).clamp(0, 1), upsample_like(prob, image).clamp(0, 1)
