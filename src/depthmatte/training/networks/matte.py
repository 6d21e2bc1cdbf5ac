"""The portrait network in MODNet's layout (Ke et al. 2022).

A semantic branch finds the person coarsely (probability), a detail branch draws the outline at
high resolution, a fusion branch joins both with the image into alpha. Each is
supervised on its own during training.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoders import ENCODERS, batch_norm, conv_bn_relu


class PortraitLogits(NamedTuple):
    """What training supervises, as logits: coarse (n,1,h/8,w/8), detail (n,1,h/2,w/2), full."""

    semantic: Tensor
    detail: Tensor
    matte: Tensor


def separable_conv(inward: int, outward: int, kernel: int = 3) -> nn.Sequential:
    """Depthwise k x k then 1x1, each with batch norm, one ReLU6 at the end."""
    return nn.Sequential(
        nn.Conv2d(inward, inward, kernel, 1, kernel // 2, groups=inward, bias=False),
        batch_norm(inward),
        conv_bn_relu(inward, outward, kernel=1),
    )


def upsample_like(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, half-pixel centers, to the height and width of `like`."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class SemanticBranch(nn.Module):
    """Top-down path from stride 32 to stride 8 with a gate from the whole image's mean."""

    def __init__(self, channels: tuple[int, ...], width: int = 96, outward: int = 64) -> None:
        super().__init__()
        _, _, c8, c16, c32 = channels
        self.top = conv_bn_relu(c32, width, kernel=1)
        self.gate = nn.Sequential(nn.Conv2d(c32, width, 1), nn.Hardsigmoid())
        self.context = separable_conv(width, width, 5)
        self.side16 = conv_bn_relu(c16, width, kernel=1)
        self.join16 = separable_conv(width, outward, 5)
        self.side8 = conv_bn_relu(c8, outward, kernel=1)
        self.join8 = separable_conv(outward, outward, 5)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Five encoder maps -> (n, outward, h / 8, w / 8)."""
        _, _, c8, c16, c32 = features
        top = self.top(c32) * self.gate(c32.mean((2, 3), keepdim=True))
        top = top + self.context(top)
        at16 = self.join16(upsample_like(top, c16) + self.side16(c16))
        out: Tensor = self.join8(upsample_like(at16, c8) + self.side8(c8))
        return out


class PortraitNetwork(nn.Module):
    """Canvas in [0, 1] -> matte and semantic probability.

    `encoder` names a family of `encoders.ENCODERS`. Normalization (x - 0.5) / 0.5, that is
    (x - 127.5) / 127.5 on bytes, is the first layer, so the canvas stays x / 255.
    """

    def __init__(self, encoder: str = "lite0") -> None:
        super().__init__()
        self.encoder = ENCODERS[encoder]()
        c2, c4 = self.encoder.channels[:2]
        self.semantic = SemanticBranch(self.encoder.channels)
        self.semantic_head = nn.Conv2d(64, 1, 3, padding=1)
        self.side4 = conv_bn_relu(c4, 32, kernel=1)
        self.down8 = conv_bn_relu(64, 32, kernel=1)
        self.join4 = separable_conv(32, 32)
        self.side2 = conv_bn_relu(c2 + 3, 16, kernel=1)
        self.down4 = conv_bn_relu(32, 16, kernel=1)
        self.join2 = conv_bn_relu(16, 16)
        self.detail_head = nn.Conv2d(16, 1, 3, padding=1)
        self.down8_fine = conv_bn_relu(64, 16, kernel=1)
        self.fuse2 = conv_bn_relu(32, 16)
        self.fuse1 = conv_bn_relu(16 + 3, 12)
        self.matte_head = nn.Conv2d(12, 1, 1)

    def forward(self, image: Tensor) -> PortraitLogits:
        """Image (n, 3, h, w) in [0, 1], h and w multiples of 32 -> logits of all branches."""
        x = image * 2 - 1
        features = self.encoder(x)
        at2, at4 = features[:2]
        semantic = self.semantic(features)
        half = F.avg_pool2d(x, 2)
        d4 = self.join4(self.side4(at4) + upsample_like(self.down8(semantic), at4))
        d2 = self.join2(self.side2(torch.cat([at2, half], 1)) + upsample_like(self.down4(d4), at2))
        f2 = self.fuse2(torch.cat([d2, upsample_like(self.down8_fine(semantic), d2)], 1))
        f1 = self.fuse1(torch.cat([upsample_like(f2, x), x], 1))
        return PortraitLogits(
            self.semantic_head(semantic), self.detail_head(d2), self.matte_head(f1)
        )


class PortraitExport(nn.Module):
    """The form that ships: outputs `alpha` and `prob`, both (n, 1, h, w) in [0, 1].

    `sharpness` multiplies the matte's logits: training on binary masks leaves alpha softer
    than the outlines are, and the factor with the least error on held-out photos mends it.
    """

    outputs = ("alpha", "prob")

    def __init__(self, network: PortraitNetwork, sharpness: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.sharpness = sharpness

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Image (n, 3, h, w) in [0, 1] -> alpha, prob."""
        logits = self.network(image)
        return (self.sharpness * logits.matte).sigmoid(), upsample_like(
            logits.semantic, image
        ).sigmoid()
